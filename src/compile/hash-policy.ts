// What of a request or a byte stream decides which endpoint gets it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { HashKey } from "../model/client-policy.ts";
import type { Client } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { RouteAction_HashPolicySchema } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { clientSettingsFor } from "./client-settings.ts";

/** Undefined: the cluster's endpoints are not chosen by a hash. */
export function hashKeyOf(mesh: Mesh, client: Client, host: string, port: number, subset = ""): HashKey | undefined {
  const loadBalancing = clientSettingsFor(mesh, client, host, port, subset)?.loadBalancing;
  return loadBalancing?.kind === "consistent-hash" ? loadBalancing.key : undefined;
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
