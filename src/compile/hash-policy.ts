// What of a request or a byte stream decides which endpoint gets it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type HashKey, subsetByName } from "../model/client-policy.ts";
import { type Client, clientPolicyFor, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { RouteAction_HashPolicySchema } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { effectiveSettings } from "./client-settings.ts";

/** Undefined: the cluster's endpoints are not chosen by a hash. */
export function hashKeyOf(mesh: Mesh, client: Client, host: string, port: number, subset = ""): HashKey | undefined {
  const service = serviceFor(mesh, host, client.namespace);
  const policy = service && clientPolicyFor(mesh, service, client);
  if (!policy) return undefined;
  const own = subset === "" ? undefined : subsetByName(policy, subset);
  const { loadBalancing } = effectiveSettings(mesh.settings.defaults.client, policy, own, port);
  return loadBalancing.kind === "consistent-hash" ? loadBalancing.key : undefined;
}

export function hashPolicy(key: HashKey): MessageInitShape<typeof RouteAction_HashPolicySchema> {
  switch (key.kind) {
    case "header":
      return { policySpecifier: { case: "header", value: { headerName: key.name } } };
    case "query":
      return { policySpecifier: { case: "queryParameter", value: { name: key.name } } };
    case "source-address":
      return { policySpecifier: { case: "connectionProperties", value: { sourceIp: true } } };
    case "cookie": {
      const { name, path = "", ttlMs, attributes } = key;
      const ttl = ttlMs === undefined ? {} : { ttl: durationFromMs(ttlMs) };
      const value = { name, path, attributes: attributes.map((attribute) => ({ ...attribute })), ...ttl };
      return { policySpecifier: { case: "cookie", value } };
    }
  }
}
