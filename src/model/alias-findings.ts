// What can be wrong with names that stand for services: codes HED1323 to HED1325, and HED1328.

import type { Message } from "./message.ts";

/** What Kubernetes' DNS makes of the name is all that becomes of it. */
export function aliasOfStranger(host: string, target: string): Message {
  return {
    code: "HED1323",
    severity: "info",
    message: `"${host}" stands for "${target}", which is no service of the mesh: who calls it leaves the mesh, if a DNS of the client's knows the name`,
    suggestion: `a ServiceEntry for ${target}`,
  };
}

export function policyOfAlias(host: string, target: string): Message {
  return {
    code: "HED1324",
    severity: "warning",
    message: `"${host}" is another name of "${target}": clients follow the policy for that, and this one holds for nobody`,
    suggestion: `host: ${target}`,
  };
}

export function streamsOfAlias(host: string, target: string): Message {
  return {
    code: "HED1325",
    severity: "warning",
    message: `"${host}" is another name of "${target}": connections follow the rules for that, and these hold for none`,
    suggestion: `- ${target}`,
  };
}

export function aliasOfItself(host: string, target: string): Message {
  return {
    code: "HED1328",
    severity: "warning",
    message: `"${host}" stands for itself, by way of "${target}": no request for it has a way`,
    suggestion: "externalName: the host of a service",
  };
}
