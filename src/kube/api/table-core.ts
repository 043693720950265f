// The columns of `kubectl get` for Kubernetes' own kinds, which are computed and not read from a path.

import { isJsonArray, isJsonObject, type Json, type JsonObject, valueAt } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { type ResourceType, resource } from "../resources.ts";
import { ageOf } from "./human-duration.ts";

export type Cell = string | number;

export interface ComputedColumn {
  readonly name: string;
  readonly type: "string" | "integer";
  readonly description: string;
  /** Above 0: with `-o wide` only. */
  readonly priority?: number;
  readonly cell: (object: KubeObject, now: Date) => Cell;
}

function objects(value: unknown): readonly JsonObject[] {
  return isJsonArray(value) ? value.filter(isJsonObject) : [];
}

function at(object: KubeObject, path: string, missing: string): string {
  const value = valueAt(object, path);
  return typeof value === "string" && value !== "" ? value : missing;
}

function size(value: unknown): number {
  return isJsonObject(value) ? Object.keys(value).length : 0;
}

function column(name: string, description: string, cell: ComputedColumn["cell"], priority = 0): ComputedColumn {
  return { name, type: "string", description, cell, priority };
}

export const AGE: ComputedColumn = column("Age", "Time since the object was created", (object, now) =>
  ageOf(object.metadata.creationTimestamp, now),
);

function isReady(object: KubeObject): boolean {
  return objects(valueAt(object, "status.conditions")).some(
    ({ type, status }) => type === "Ready" && status === "True",
  );
}

/** Without a kubelet there are no container statuses: then the condition Ready speaks for all containers. */
function podReady(object: KubeObject): string {
  const containers = objects(valueAt(object, "spec.containers")).length;
  const statuses = objects(valueAt(object, "status.containerStatuses"));
  const ready =
    statuses.length > 0 ? statuses.filter((status) => status.ready === true).length : isReady(object) ? containers : 0;
  return `${ready}/${containers}`;
}

function podStatus(object: KubeObject): string {
  if (object.metadata.deletionTimestamp !== undefined) return "Terminating";
  const waiting = objects(valueAt(object, "status.containerStatuses")).map((status) =>
    valueAt(status, "state.waiting.reason"),
  );
  const reason = waiting.find((text) => typeof text === "string");
  return typeof reason === "string" ? reason : at(object, "status.reason", at(object, "status.phase", "Unknown"));
}

function podRestarts(object: KubeObject): number {
  const counts = objects(valueAt(object, "status.containerStatuses")).map(({ restartCount }) => restartCount);
  return counts.reduce<number>((sum, count) => sum + (typeof count === "number" ? count : 0), 0);
}

function servicePorts(object: KubeObject): string {
  const ports = objects(valueAt(object, "spec.ports")).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return ports.join(",") || "<none>";
}

function externalAddresses(object: KubeObject): string {
  if (at(object, "spec.type", "") === "ExternalName") return at(object, "spec.externalName", "<none>");
  const given = valueAt(object, "spec.externalIPs");
  const balancer = objects(valueAt(object, "status.loadBalancer.ingress")).map(({ ip, hostname }) => ip ?? hostname);
  const all = [...balancer, ...(isJsonArray(given) ? given : [])].filter((address) => typeof address === "string");
  return all.join(",") || (at(object, "spec.type", "") === "LoadBalancer" ? "<pending>" : "<none>");
}

function pairs(value: unknown): string {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return entries.map(([key, item]) => `${key}=${item}`).join(",") || "<none>";
}

/** At most three of a list, and how many more there are. */
function some(values: readonly Json[]): string {
  if (values.length === 0) return "<unset>";
  const more = values.length > 3 ? ` + ${values.length - 3} more...` : "";
  return values.slice(0, 3).join(",") + more;
}

const COLUMNS: ReadonlyMap<ResourceType, readonly ComputedColumn[]> = new Map<ResourceType, readonly ComputedColumn[]>([
  [
    resource.namespaces,
    [column("Status", "Active or Terminating", (object) => at(object, "status.phase", "Active")), AGE],
  ],
  [
    resource.pods,
    [
      column("Ready", "Containers that are ready, of all", podReady),
      column("Status", "State of the Pod", podStatus),
      { ...column("Restarts", "How often its containers were restarted", podRestarts), type: "integer" },
      AGE,
      column("IP", "Address of the Pod", (object) => at(object, "status.podIP", "<none>"), 1),
      column("Node", "Where it runs", (object) => at(object, "spec.nodeName", "<none>"), 1),
    ],
  ],
  [
    resource.services,
    [
      column("Type", "How it is exposed", (object) => at(object, "spec.type", "ClusterIP")),
      column("Cluster-IP", "Its address in the cluster", (object) => at(object, "spec.clusterIP", "<none>")),
      column("External-IP", "Its addresses outside", externalAddresses),
      column("Port(s)", "Its ports", servicePorts),
      AGE,
      column("Selector", "Labels of the Pods behind it", (object) => pairs(valueAt(object, "spec.selector")), 1),
    ],
  ],
  [
    resource.serviceAccounts,
    [
      {
        ...column("Secrets", "How many Secrets it names", (object) => objects(object.secrets).length),
        type: "integer",
      },
      AGE,
    ],
  ],
  [
    resource.secrets,
    [
      column("Type", "What the data is", (object) => at(object, "type", "Opaque")),
      { ...column("Data", "How many keys it has", (object) => size(object.data)), type: "integer" },
      AGE,
    ],
  ],
  [
    resource.configMaps,
    [
      {
        ...column("Data", "How many keys it has", (object) => size(object.data) + size(object.binaryData)),
        type: "integer",
      },
      AGE,
    ],
  ],
  [
    resource.endpointSlices,
    [
      column("AddressType", "The kind of its addresses", (object) => at(object, "addressType", "<unset>")),
      column("Ports", "Ports of its endpoints", (object) => some(objects(object.ports).map(({ port }) => port ?? "*"))),
      column("Endpoints", "Addresses of its endpoints", (object) =>
        some(
          objects(object.endpoints).flatMap(({ addresses }) => (isJsonArray(addresses) ? addresses.slice(0, 1) : [])),
        ),
      ),
      AGE,
    ],
  ],
  [resource.leases, [column("Holder", "Who holds it", (object) => at(object, "spec.holderIdentity", "")), AGE]],
]);

/** The computed columns after Name, or undefined for kinds whose columns are paths. */
export function coreColumns(type: ResourceType): readonly ComputedColumn[] | undefined {
  return COLUMNS.get(type);
}
