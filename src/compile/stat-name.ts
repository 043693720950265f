// Names of clusters in statistics, as the mesh's patterns have them (Istio: telemetry.BuildStatPrefix).

import type { Service, ServicePort } from "../model/service.ts";

/** What a cluster leads to. */
export interface StatSubject {
  readonly service: Service;
  readonly port: ServicePort;
  /** "" for the whole service. */
  readonly subset: string;
  /** The workload's port; undefined: there may be several. */
  readonly target?: number | undefined;
}

/** "" without a pattern: the cluster's name is that in statistics, too. */
export function statName(pattern: string | undefined, { service, port, subset, target }: StatSubject): string {
  if (!pattern) return "";
  const values: Readonly<Record<string, string>> = {
    SERVICE: shortName(service, `${service.name}.${service.namespace}`),
    SERVICE_NAME: shortName(service, service.name),
    SERVICE_FQDN: service.host,
    SERVICE_PORT: String(port.number),
    SERVICE_PORT_NAME: port.name,
    TARGET_PORT: String(target ?? port.target ?? port.number),
    SUBSET_NAME: subset,
  };
  return pattern.replace(/%([A-Z_]+)%/g, (written, name: string) => values[name] ?? written);
}

/** Others than the platform's own services are called by their hosts. */
function shortName({ origin, host }: Service, short: string): string {
  return origin.kind === "Service" ? short : host;
}
