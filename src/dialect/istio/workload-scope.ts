// `selector` and `targetRefs` of the security kinds → the workloads that a policy is for.

import type { WorkloadScope } from "../../model/workload-scope.ts";
import type { Reporter } from "../reporter.ts";
import { list, mapOf, notEmpty, record, required, text, textOrUnset, type Value } from "../schema.ts";
import * as admission from "./admission-refusals.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { checkSelector } from "./selector.ts";

const TARGET = record({
  group: text(),
  kind: required(notEmpty()),
  name: required(notEmpty()),
  namespace: textOrUnset(),
});

export const SCOPE_FIELDS = {
  selector: record({ matchLabels: mapOf(text("label-value"), "label-key") }),
  targetRef: TARGET,
  targetRefs: list(TARGET),
};

/** Kinds of targets that are services. */
const SERVICES = ["Service", "ServiceEntry"];

const GATEWAY_API = "gateway.networking.k8s.io";

/** The group of each kind that can be a target. */
const GROUPS: ReadonlyMap<string, string> = new Map([
  ["Service", ""],
  ["ServiceEntry", "networking.istio.io"],
  ["Gateway", GATEWAY_API],
  ["GatewayClass", GATEWAY_API],
]);

/** At most one of them. */
export const SCOPE_GROUP = ["selector", "targetRef", "targetRefs"] as const;

interface ScopeSpec {
  readonly selector?: Value<(typeof SCOPE_FIELDS)["selector"]>;
  readonly targetRef?: Value<typeof TARGET>;
  readonly targetRefs?: readonly Value<typeof TARGET>[];
}

/**
 * A policy of a root namespace is for all of the mesh, its selector too. Services are targets of waypoints and never of sidecars, whatever
 * workloads are behind them (policyattachment.go).
 */
export function readScope(spec: ScopeSpec, { namespace, settings, reporter }: Reading): WorkloadScope | undefined {
  const targets = spec.targetRefs ?? (spec.targetRef ? [spec.targetRef] : []);
  if (targets.length > 0) {
    const at = (i: number) => (spec.targetRefs ? `spec.targetRefs[${i}]` : "spec.targetRef");
    targets.forEach((target, i) => {
      checkTarget(target, at(i), reporter);
    });
    if (targets.every(({ kind }) => SERVICES.includes(kind))) reporter.report(at(0), diagnostics.targetsOfWaypoints());
    return { kind: "services", services: targets.map(({ name }) => ({ namespace, name })) };
  }
  checkSelector(spec.selector && (spec.selector.matchLabels ?? {}), "spec.selector", reporter);
  const labels = spec.selector?.matchLabels ?? {};
  return settings.rootNamespaces.includes(namespace)
    ? { kind: "mesh", labels }
    : { kind: "namespace", namespace, labels };
}

function checkTarget({ group = "", kind, namespace }: Value<typeof TARGET>, path: string, reporter: Reporter): void {
  const wanted = GROUPS.get(kind);
  if (wanted === undefined) reporter.report(`${path}.kind`, diagnostics.targetNotSupported(kind));
  // "core" is Istio's word for the group without a name (CanonicalGroup).
  else if ((group === "core" ? "" : group) !== wanted)
    reporter.report(path, admission.targetGroup(kind, group, wanted));
  else if (wanted === GATEWAY_API) reporter.report(path, refusals.targetOfGateways(kind));
  if (namespace !== undefined) reporter.report(`${path}.namespace`, diagnostics.targetElsewhere());
}
