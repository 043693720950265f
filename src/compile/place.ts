// Where a client is, as far as some policy of the mesh asks. Clients at one place share what they are told.

import type { ClientPolicy, ClientSettings, ScopedSettings } from "../model/client-policy.ts";
import type { Locality } from "../model/workload.ts";
import { effectiveSettings } from "./client-settings.ts";

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
  readonly cluster: string;
  readonly network: string;
}

/** Where somebody is counts as labels of his, whoever said it (Istio: AugmentLabels). */
export function labelOf({ labels, locality, cluster, network }: Placed, name: string): string {
  switch (name) {
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

/** Whether it matters to the policy where its clients are; undefined: to the mesh's defaults. */
export function asksForPlace(defaults: ClientSettings, policy: ClientPolicy | undefined): boolean {
  return preferencesOf(defaults, policy).some(({ kind }) => kind !== "none");
}

/** Labels of clients that decide which endpoints are preferred. */
export function labelsAskedFor(defaults: ClientSettings, policy: ClientPolicy | undefined): readonly string[] {
  return preferencesOf(defaults, policy).flatMap((preference) =>
    preference.kind === "failover" ? preference.labels.map(({ name }) => name) : [],
  );
}

function preferencesOf(defaults: ClientSettings, policy: ClientPolicy | undefined) {
  const scopes: readonly ScopedSettings[] = policy ? [policy, ...policy.subsets] : [{ settings: {}, ports: [] }];
  return scopes.flatMap(({ settings, ports }) =>
    [settings, ...ports.map((port) => port.settings)].map((own) => effectiveSettings(defaults, own).locality),
  );
}
