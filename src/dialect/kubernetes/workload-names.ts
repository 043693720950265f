// Labels that say what a workload is: the names that metrics know it by, and what its sidecar takes.

export type Labels = Readonly<Record<string, string>>;

/** Of the label that says it outright. */
export const WORKLOAD_NAME = "service.istio.io/workload-name";

/** What a sidecar that this mesh does not configure takes on the application's ports: `istio`, mutual TLS; anything else, none. */
export const TLS_MODE = "security.istio.io/tlsMode";

/** The order in which Istio looks for the name that metrics group by. */
export function canonicalName(labels: Labels): string | undefined {
  return labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels.app;
}

export function canonicalRevision(labels: Labels): string | undefined {
  return labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels.version;
}
