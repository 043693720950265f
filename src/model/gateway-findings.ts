// What can be wrong between Gateways, the routes that are bound to them and the proxies that open them: codes HED1310 to HED1319, sorted and
// never reused.

import { CONFIG_MAP_NAME } from "./credential.ts";
import type { Message } from "./message.ts";
import type { Origin } from "./origin.ts";

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

function named({ kind, namespace, name }: Origin): string {
  return `${kind} ${namespace}/${name}`;
}

export function unknownGateway(gateway: string, near: string | undefined): Message {
  return warning("HED1310", `there is no Gateway ${gateway}: the routes lead nowhere from it`, near);
}

export function noCommonHost(gateway: string): Message {
  return warning("HED1311", `no server of Gateway ${gateway} has one of these hosts, for this namespace`);
}

export function protocolTaken(place: string, winner: Origin): Message {
  return warning("HED1312", `${place} speaks what ${named(winner)} says, which is older: this server is left out`);
}

export function protocolKept(place: string, loser: Origin): Message {
  return warning("HED1313", `${named(loser)} has another protocol for ${place}, and is left out there`);
}

export function serverHostTaken(host: string, winner: Origin): Message {
  return warning(
    "HED1314",
    `host ${JSON.stringify(host)} is served by ${named(winner)} on the port already: this server is left out`,
  );
}

export function serverHostKept(host: string, loser: Origin): Message {
  return warning("HED1315", `${named(loser)} has host ${JSON.stringify(host)} on the port, too, and is left out there`);
}

export function credentialMissing(name: string, namespace: string): Message {
  if (name.startsWith(CONFIG_MAP_NAME))
    return warning(
      "HED1316",
      `a ConfigMap has no key, and so ${JSON.stringify(name)} is no certificate: connections to the server are closed`,
      "credentialName of a Secret; caCertCredentialName for the roots of clients",
    );
  return warning(
    "HED1316",
    `there is no Secret ${namespace}/${name} with a certificate and its key: connections to the server are closed`,
    `kubectl create secret tls ${name} -n ${namespace} --cert chain.pem --key key.pem`,
  );
}
