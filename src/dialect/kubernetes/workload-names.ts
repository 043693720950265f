// The names that metrics know a workload by, from its labels.

export type Labels = Readonly<Record<string, string>>;

/** Of the label that says it outright. */
export const WORKLOAD_NAME = "service.istio.io/workload-name";

/** The order in which Istio looks for the name that metrics group by. */
export function canonicalName(labels: Labels): string | undefined {
  return labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels.app;
}

export function canonicalRevision(labels: Labels): string | undefined {
  return labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels.version;
}
