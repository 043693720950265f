// Which endpoints a service wants its clients to prefer: Kubernetes' `trafficDistribution`, which Istio reads of an annotation, too.

import type { Service } from "../model/service.ts";

const ANNOTATION = "networking.istio.io/traffic-distribution";

/** PreferClose is the first name of PreferSameZone (KEP-3015). */
const PREFERENCES: Readonly<Record<string, Service["prefers"]>> = {
  preferclose: "zone",
  prefersamezone: "zone",
  prefersamenode: "node",
};

/** The annotation counts more than the field; what is not known is no preference. */
export function preferenceOf(
  annotations: Readonly<Record<string, string>>,
  field: string | undefined,
): Pick<Service, "prefers"> {
  const prefers = PREFERENCES[(annotations[ANNOTATION] ?? field ?? "").toLowerCase()];
  return prefers ? { prefers } : {};
}
