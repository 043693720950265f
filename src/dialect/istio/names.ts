// Names as Istio resolves them: hosts, exports, gateways.

import { parseAddress } from "../../base/cidr.ts";
import { hostProblem, isDnsLabel } from "../formats.ts";

/**
 * Full name of a host: one without a dot is a service of the object's own namespace. `*`, addresses and everything with a dot
 * stay as they are: `reviews.default` is no short form (pilot/pkg/model/config.go, ResolveShortnameToFQDN).
 */
export function resolveHost(host: string, namespace: string, clusterDomain: string): string {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name.startsWith("*") || name.includes(".") || parseAddress(name)) return name;
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/** The reserved name of all sidecars; every other gateway is an object. */
export const MESH_GATEWAY = "mesh";

/** `name`, `namespace/name`, `./name`, or the form of old, `name.namespace.svc…`. */
export function isGatewayName(gateway: string): boolean {
  const slash = gateway.indexOf("/");
  if (slash === -1) return hostProblem(gateway) === undefined;
  const owner = gateway.slice(0, slash);
  return (owner === "." || isDnsLabel(owner)) && isDnsLabel(gateway.slice(slash + 1));
}

/** `gw` and `./gw` are of the rule's namespace, `ns/gw` says it, `gw.ns[.svc…]` is the form of old. As `namespace/name`. */
export function resolveGateway(gateway: string, namespace: string): string {
  if (gateway === MESH_GATEWAY) return gateway;
  const slash = gateway.indexOf("/");
  if (slash !== -1) {
    const owner = gateway.slice(0, slash);
    return `${owner === "." ? namespace : owner}/${gateway.slice(slash + 1)}`;
  }
  const [name, owner] = gateway.split(".");
  return `${owner ?? namespace}/${name}`;
}
