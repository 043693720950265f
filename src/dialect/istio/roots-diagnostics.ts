// What can be wrong with roots that ConfigMaps hold: codes HED1391 to HED1399, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

export function badConfigMapName(name: string, namespace: string): Message {
  return {
    code: "HED1391",
    severity: "error",
    message: `${quote(name)} names no ConfigMap`,
    suggestion: quote(`configmap://${namespace}/roots`),
  };
}

export function configMapOfOthers(name: string, namespace: string): Message {
  return {
    code: "HED1392",
    severity: "error",
    message: `${quote(name)} is of another namespace: roots come from ConfigMaps of the object's own, ${namespace}`,
    suggestion: quote(`configmap://${namespace}/${name.split("/").at(-1) ?? ""}`),
  };
}

/** Of a ConfigMap that may be somebody's roots. */
export function badPublicRoots(problem: string): Message {
  return {
    code: "HED1393",
    severity: "warning",
    message: `nobody can verify anybody by this ConfigMap: ${problem}`,
    suggestion: "kubectl create configmap roots --from-file=ca.crt",
  };
}
