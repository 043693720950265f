// Where a client is, as far as some policy of the mesh asks. Clients at one place share what they are told.

import type { ClientPolicy, ClientSettings, ScopedSettings } from "../model/client-policy.ts";
import type { Service } from "../model/service.ts";
import type { Locality } from "../model/workload.ts";
import { defaultsTowards, effectiveSettings } from "./client-settings.ts";

export interface Place {
  readonly locality: Locality;
  /** Of the labels that policies ask for, those that it has. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Of a client that is nowhere in particular. */
export const NOWHERE: Place = { locality: { region: "", zone: "", subzone: "" }, labels: {} };

/** What labels of a client or of an endpoint can be asked for. */
export interface Placed {
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: Locality;
  readonly node?: string | undefined;
  readonly cluster: string;
  readonly network: string;
}

/** Of the machine, as Kubernetes labels it. */
export const NODE_LABEL = "kubernetes.io/hostname";

/** Where somebody is counts as labels of his, whoever said it (Istio: AugmentLabels). */
export function labelOf({ labels, locality, node, cluster, network }: Placed, name: string): string {
  switch (name) {
    case NODE_LABEL:
      return node ?? labels[name] ?? "";
    case "topology.kubernetes.io/region":
      return locality.region;
    case "topology.kubernetes.io/zone":
      return locality.zone;
    case "topology.istio.io/subzone":
      return locality.subzone;
    case "topology.istio.io/cluster":
      return cluster;
    case "topology.istio.io/network":
      return network;
    default:
      return labels[name] ?? "";
  }
}

/** Undefined: nowhere. `names` are the labels that are asked for. */
export function placeOf(client: Placed, names: readonly string[]): Place | undefined {
  const { region, zone, subzone } = client.locality;
  const labels = Object.fromEntries(
    names.flatMap((name) => {
      const value = labelOf(client, name);
      return value === "" ? [] : [[name, value]];
    }),
  );
  if (!region && !zone && !subzone && Object.keys(labels).length === 0) return undefined;
  return { locality: client.locality, labels };
}

export function placeKey({ locality: { region, zone, subzone }, labels }: Place): string {
  return JSON.stringify([region, zone, subzone, ...Object.entries(labels)]);
}

/** Whether it matters to the service, to the policy, or where they say nothing to the mesh's defaults, where clients are. */
export function asksForPlace(
  defaults: ClientSettings,
  policy: ClientPolicy | undefined,
  service?: Pick<Service, "prefers" | "nodeLocal">,
): boolean {
  return service?.nodeLocal === true || preferencesOf(defaults, policy, service).some(({ kind }) => kind !== "none");
}

/** Labels of clients that decide which endpoints are preferred. */
export function labelsAskedFor(
  defaults: ClientSettings,
  policy: ClientPolicy | undefined,
  service?: Pick<Service, "prefers" | "nodeLocal">,
): readonly string[] {
  const labels = preferencesOf(defaults, policy, service).flatMap((preference) =>
    preference.kind === "failover" || preference.kind === "zones" ? preference.labels.map(({ name }) => name) : [],
  );
  return service?.nodeLocal ? [...labels, NODE_LABEL] : labels;
}

function preferencesOf(
  defaults: ClientSettings,
  policy: ClientPolicy | undefined,
  service: Pick<Service, "prefers"> | undefined,
) {
  const all = service ? defaultsTowards(defaults, service) : defaults;
  const scopes: readonly ScopedSettings[] = policy ? [policy, ...policy.subsets] : [{ settings: {}, ports: [] }];
  return scopes.flatMap(({ settings, ports }) =>
    [settings, ...ports.map((port) => port.settings)].map((own) => effectiveSettings(all, own).locality),
  );
}
