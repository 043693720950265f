// Which endpoints a service wants its clients to prefer: Kubernetes' `trafficDistribution`, which Istio reads of an annotation, too.

import type { Service } from "../model/service.ts";
import { joinPath } from "./path.ts";

const ANNOTATION = "networking.istio.io/traffic-distribution";

/** PreferClose is the first name of PreferSameZone (KEP-3015). */
const PREFERENCES: ReadonlyMap<string, Service["prefers"]> = new Map([
  ["preferclose", "zone"],
  ["prefersamezone", "zone"],
  ["prefersamenode", "node"],
]);

/** As Kubernetes writes them. */
export const TRAFFIC_DISTRIBUTIONS = ["PreferClose", "PreferSameZone", "PreferSameNode"] as const;

/** Where one is written that nobody knows, which Kubernetes refuses and Istio takes for none. */
export function unknownPreference(
  annotations: Readonly<Record<string, string>>,
  field: string | undefined,
): { readonly path: string; readonly value: string } | undefined {
  const value = annotations[ANNOTATION] ?? field ?? "";
  return value === "" || PREFERENCES.has(value.toLowerCase())
    ? undefined
    : { path: preferencePath(annotations), value };
}

/** Where the preference is written that counts. */
export function preferencePath(annotations: Readonly<Record<string, string>>): string {
  return annotations[ANNOTATION] === undefined
    ? "spec.trafficDistribution"
    : joinPath("metadata.annotations", ANNOTATION);
}

/** The annotation counts more than the field; what is not known is no preference. */
export function preferenceOf(
  annotations: Readonly<Record<string, string>>,
  field: string | undefined,
): Pick<Service, "prefers"> {
  const prefers = PREFERENCES.get((annotations[ANNOTATION] ?? field ?? "").toLowerCase());
  return prefers ? { prefers } : {};
}
