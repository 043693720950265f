// As which service a proxy reports its spans: Istio's `tracingServiceName` (pkg/bootstrap/config.go, getServiceCluster).

export type ServiceNaming = "app-and-namespace" | "canonical" | "canonical-and-namespace";

export interface NamedWorkload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly workloadName: string;
}

export function spanServiceOf(naming: ServiceNaming, { namespace, labels, workloadName }: NamedWorkload): string {
  const app = labels.app || workloadName;
  const canonical = labels["service.istio.io/canonical-name"] || app;
  if (naming === "canonical") return canonical;
  return `${naming === "canonical-and-namespace" ? canonical : app}.${namespace}`;
}
