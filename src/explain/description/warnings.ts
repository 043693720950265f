// What is worth a word about a workload or a service and is no fault of one object: HED1600 to HED1609.

import type { Service } from "../../model/service.ts";
import type { Workload } from "../../model/workload.ts";
import type { Place } from "../explanation.ts";
import type { ServiceDescription, Warning } from "./description.ts";

type ServiceFacts = Omit<ServiceDescription, "warnings">;

/** Any of them names the application (or its version) in metrics, in Istio's order. */
const APP_LABELS = ["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"];
const VERSION_LABELS = ["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"];

export function workloadWarnings({ labels, proxy, workloadName }: Workload, by: Place): readonly Warning[] {
  const lacks = (names: readonly string[]) => !names.some((name) => labels[name] !== undefined);
  return [
    ...(lacks(APP_LABELS) ? [warning("HED1600", `it has no label app: metrics call it ${workloadName}`, by)] : []),
    ...(lacks(VERSION_LABELS)
      ? [warning("HED1601", "it has no label version: metrics and subsets cannot tell its versions apart", by)]
      : []),
    ...(proxy
      ? []
      : [warning("HED1602", "no proxy stands beside it: it takes plaintext, and policies are not enforced", by)]),
  ];
}

function warning(code: string, message: string, by: Place): Warning {
  return { code, message, by };
}

export function serviceWarnings(facts: ServiceFacts, service: Service): readonly Warning[] {
  return [...withoutEndpoints(facts, service), ...closedDoors(facts)];
}

/** Where addresses are found by DNS or taken from the client, none is known before. */
function isListed({ resolution, location }: Service): boolean {
  return resolution === "endpoints" || (resolution === "passthrough" && location === "mesh");
}

function withoutEndpoints({ ports, by }: ServiceFacts, service: Service): readonly Warning[] {
  if (!isListed(service)) return [];
  const empty = ports.filter(({ endpoints }) => !endpoints.some(({ health }) => health === "healthy"));
  return empty.map(({ number, endpoints }) =>
    warning(
      "HED1603",
      endpoints.length === 0
        ? `port ${number} has no endpoint: requests to it are answered 503`
        : `no endpoint of port ${number} is ready`,
      by,
    ),
  );
}

function closedDoors({ exposures }: ServiceFacts): readonly Warning[] {
  return exposures
    .filter(({ openedBy }) => openedBy.length === 0)
    .map(({ gateway }) => warning("HED1604", "no workload opens this gateway", gateway));
}
