// The addresses of the mesh's hosts, for a workload's DNS proxy: an application that is captured looks a name up before it connects.

import { create } from "@bufbuild/protobuf";
import type { Service } from "../model/service.ts";
import { type NameTable, NameTableSchema } from "../xds/gen/istio/networking/nds/v1/nds_pb.ts";

/** A service, and the addresses that its name stands for. */
export interface NamedService {
  readonly service: Service;
  readonly addresses: readonly string[];
  /** Names under its own, with the addresses of each. */
  readonly instances?: readonly (readonly [name: string, addresses: readonly string[]])[];
}

/** Services of the cluster domain answer to their short names too; others to their full name alone. */
const CLUSTER_REGISTRY = "Kubernetes";
const EXTERNAL_REGISTRY = "External";

export function nameTable(named: readonly NamedService[], clusterDomain: string): NameTable {
  const entriesOf = (names: readonly Named[], addresses: readonly string[]) => {
    const ips = addresses.filter((address) => !address.includes("/"));
    if (ips.length === 0) return [];
    return names.map((each) => [each.host, { ips, ...formsOf(each, clusterDomain) }] as const);
  };
  // A service's own name comes after those that stand for others: of one name, the last has it.
  const entries = [
    ...named.flatMap(({ service, addresses }) => entriesOf(service.aliases ?? [], addresses)),
    ...named.flatMap(({ service, instances = [] }) =>
      instances.flatMap(([name, addresses]) => entriesOf([instanceOf(service, name)], addresses)),
    ),
    ...named.flatMap(({ service, addresses }) => entriesOf([service], addresses)),
  ];
  return create(NameTableSchema, { table: Object.fromEntries(entries) });
}

function instanceOf({ host, name, namespace }: Service, instance: string): Named {
  return { host: `${instance}.${host}`, name: `${instance}.${name}`, namespace };
}

type Named = Pick<Service, "host" | "name" | "namespace">;

function formsOf({ host, name, namespace }: Named, clusterDomain: string) {
  const inCluster = host === `${name}.${namespace}.svc.${clusterDomain}`;
  return inCluster ? { registry: CLUSTER_REGISTRY, shortname: name, namespace } : { registry: EXTERNAL_REGISTRY };
}
