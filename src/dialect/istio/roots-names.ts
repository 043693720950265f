// Names of roots that are ConfigMaps' (`configmap://NAMESPACE/NAME`), where TLS names credentials. Istio's ValidateTLS.

import { CONFIG_MAP_NAME } from "../../model/credential.ts";
import { isObjectName } from "../object.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { badConfigMapName, configMapOfOthers } from "./roots-diagnostics.ts";

const FIELDS = ["credentialName", "caCertCredentialName"] as const;

/** `named` stands at `path`. */
export function checkRootsNames(
  named: { readonly [Field in (typeof FIELDS)[number]]?: string | undefined },
  path: string,
  reporter: Reporter,
): void {
  for (const field of FIELDS) {
    const name = named[field];
    if (!name?.startsWith(CONFIG_MAP_NAME)) continue;
    const [namespace = "", own = "", ...rest] = name.slice(CONFIG_MAP_NAME.length).split("/");
    const at = joinPath(path, field);
    if (!isObjectName(namespace) || own === "" || rest.length > 0)
      reporter.report(at, badConfigMapName(name, reporter.namespace));
    else if (namespace !== reporter.namespace) reporter.report(at, configMapOfOthers(name, reporter.namespace));
  }
}
