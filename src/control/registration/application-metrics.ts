// Where an application serves metrics, as its group's annotations say (Istio's prometheus.io/…), and whether its agent merges them.

type Annotations = Readonly<Record<string, string>>;

const PLACE = ["prometheus.io/scrape", "prometheus.io/port", "prometheus.io/path"] as const;
const [SCRAPE, PORT, PATH] = PLACE;
const MERGE = "prometheus.istio.io/merge-metrics";
/** The application's port and path, where `prometheus.io/…` are the agent's. */
const APPLICATION = "heddle.dev/application-metrics";

/** Istio's (ISTIO_PROMETHEUS_ANNOTATIONS). */
const DEFAULT_PORT = "80";
const DEFAULT_PATH = "/metrics";

/** What an entry says over its agent's place: where the application is, for the agent; or, unless metrics are merged, for Prometheus itself. */
export function metricsAnnotations(group: Annotations, merges: boolean): Annotations {
  if (group[SCRAPE] !== "true") return {};
  if (merges && group[MERGE] !== "false")
    return { [APPLICATION]: `${group[PORT] ?? DEFAULT_PORT}${group[PATH] ?? DEFAULT_PATH}` };
  return Object.fromEntries(PLACE.flatMap((name) => (group[name] === undefined ? [] : [[name, group[name]]])));
}

export interface ApplicationMetrics {
  readonly port: number;
  readonly path: string;
}

/** Undefined: the agent has none to merge, or what is said is no port and path. `statusPort`: the agent's own. */
export function applicationMetrics(annotations: Annotations = {}, statusPort: number): ApplicationMetrics | undefined {
  const { port = "", path = "" } = /^(?<port>\d{1,5})(?<path>\/.*)$/.exec(annotations[APPLICATION] ?? "")?.groups ?? {};
  const number = Number(port);
  return number < 1 || number > 65_535 || number === statusPort ? undefined : { port: number, path };
}
