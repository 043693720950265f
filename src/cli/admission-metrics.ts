// Verdicts on writes to the embedded API, under the names of Istio's validating webhook (galley).

import type { Admit } from "../kube/admission.ts";
import { splitApiVersion } from "../kube/object.ts";
import { resourceByKind } from "../kube/resources.ts";
import { VALIDATION_FAILED, VALIDATION_PASSED } from "../stats/names/control.ts";
import type { Registry } from "../stats/registry.ts";

/** Istio's reason for whatever its validation refuses. */
const INVALID = "invalid_resource";

/** Deletions are judged by nobody, and not counted. */
export function countedAdmission(registry: Registry, admit: Admit): Admit {
  const passed = registry.counter(VALIDATION_PASSED);
  const failed = registry.counter(VALIDATION_FAILED);
  return async (operation, object, old, together) => {
    const verdict = await admit(operation, object, old, together);
    if (operation === "DELETE") return verdict;
    const { group, version } = splitApiVersion(object.apiVersion);
    const resource = resourceByKind(group, object.kind)?.plural ?? object.kind.toLowerCase();
    if (verdict.kind === "allowed") passed.increment(passed.series([group, version, resource]));
    else failed.increment(failed.series([group, version, resource, INVALID]));
    return verdict;
  };
}
