// Names as Kubernetes forms them.

import { type ServiceKey, serviceKey } from "../../model/service.ts";

export function serviceHost(name: string, namespace: string, clusterDomain: string): string {
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

export function keyOfService(name: string, namespace: string, clusterDomain: string): ServiceKey {
  return serviceKey({ namespace, host: serviceHost(name, namespace, clusterDomain) });
}

/** A host as a workload of `namespace` writes it, where search domains complete it: `web`, `web.shop`, `web.shop.svc`. */
export function completeHost(host: string, namespace: string, clusterDomain: string): string {
  const labels = host.toLowerCase().replace(/\.$/, "").split(".");
  const [name, owner, svc] = labels;
  if (labels.length === 1) return serviceHost(name!, namespace, clusterDomain);
  if (labels.length === 2 && !host.startsWith("*")) return serviceHost(name!, owner!, clusterDomain);
  return labels.length === 3 && svc === "svc" ? serviceHost(name!, owner!, clusterDomain) : labels.join(".");
}
