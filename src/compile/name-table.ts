// The addresses of the mesh's hosts, for a workload's DNS proxy: an application that is captured looks a name up before it connects.

import { create } from "@bufbuild/protobuf";
import type { Service } from "../model/service.ts";
import { type NameTable, NameTableSchema } from "../xds/gen/istio/networking/nds/v1/nds_pb.ts";

/** Services of the cluster domain answer to their short names too; others to their full name alone. */
const CLUSTER_REGISTRY = "Kubernetes";
const EXTERNAL_REGISTRY = "External";

export function nameTable(services: readonly Service[], clusterDomain: string): NameTable {
  const entries = services.flatMap((service) => {
    const ips = service.addresses.filter((address) => !address.includes("/"));
    if (ips.length === 0) return [];
    const { host, name, namespace } = service;
    const inCluster = host === `${name}.${namespace}.svc.${clusterDomain}`;
    const names = inCluster
      ? { registry: CLUSTER_REGISTRY, shortname: name, namespace }
      : { registry: EXTERNAL_REGISTRY };
    return [[host, { ips, ...names }] as const];
  });
  return create(NameTableSchema, { table: Object.fromEntries(entries) });
}
