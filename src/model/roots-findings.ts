// Findings about roots that nobody keeps: codes HED1722 to HED1729, sorted and never reused.

import { CONFIG_MAP_NAME } from "./credential.ts";
import type { Message } from "./message.ts";

/** Of a server that verifies its clients. */
export function rootsMissing(name: string, namespace: string): Message {
  const isPublic = name.startsWith(CONFIG_MAP_NAME);
  const kept = isPublic ? `ConfigMap ${name.slice(CONFIG_MAP_NAME.length)}` : `Secret ${namespace}/${name}`;
  return {
    code: "HED1722",
    severity: "warning",
    message: `there is no ${kept} with roots (ca.crt) for clients' certificates: connections to the server are closed`,
    suggestion: isPublic
      ? `kubectl create configmap ${name.split("/").at(-1)} -n ${namespace} --from-file=ca.crt`
      : `kubectl create secret generic ${name}-cacert -n ${namespace} --from-file=ca.crt`,
  };
}
