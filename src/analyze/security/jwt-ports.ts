// Tokens are read from HTTP requests: on a port that is not declared HTTP there are none to read.

import { portProtocol } from "../../dialect/kubernetes/protocol.ts";
import { LabelIndex, SelectorIndex } from "../../model/label-index.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type ServicePortValue } from "../kinds.ts";
import type { ViewOf } from "../view.ts";
import type { World } from "../world.ts";

type Service = ViewOf<typeof kinds.service>;
type Labels = Readonly<Record<string, string>>;

const HTTP: ReadonlySet<string> = new Set(["http", "http2", "grpc", "grpc-web", "https"]);

export const jwtPorts: MeshAnalyzer = {
  name: "auth.JwtAnalyzer",
  about: "ports whose requests carry tokens are declared HTTP",
  codes: ["IST0119"],
  scope: "mesh",
  analyze(world, report) {
    const services = new Map(
      [...Map.groupBy(world.views(kinds.service), ({ namespace }) => namespace)].map(([namespace, members]) => [
        namespace,
        new ServicesOfLabels(members),
      ]),
    );
    for (const { object, namespace, value } of world.views(kinds.requestAuthentication)) {
      const { selector, jwtRules = [] } = value.spec ?? {};
      const labels = selector?.matchLabels ?? {};
      if (jwtRules.length === 0 || Object.keys(labels).length === 0) continue;
      for (const { service, port } of services.get(namespace)?.silentPorts(labels, world) ?? [])
        report(
          object,
          "spec.selector.matchLabels",
          finding(
            "IST0119",
            `Authentication policy with JWT targets Service with invalid port specification (port: ${port.port}, name: ${port.name ?? ""}, protocol: ${port.protocol ?? "TCP"}, targetPort: ${port.targetPort ?? port.port}): Service ${service.namespace}/${service.name}`,
            `name: http-${port.name || port.port}`,
          ),
        );
    }
  },
};

interface SilentPort {
  readonly service: Service;
  readonly port: ServicePortValue;
}

/** Nobody reads on after so many ports of one policy. */
const MAX_PORTS = 20;

/** The Services of a namespace, by the workloads that policies select. */
class ServicesOfLabels {
  readonly #bySelector: SelectorIndex<Service>;
  readonly #selectors: LabelIndex<{ readonly labels: Labels; readonly service: Service }>;
  readonly #known = new Map<string, readonly SilentPort[]>();

  constructor(services: readonly Service[]) {
    const selecting = services.filter(({ value }) => Object.keys(value.spec?.selector ?? {}).length > 0);
    this.#bySelector = new SelectorIndex(selecting, ({ value }) => value.spec?.selector ?? {});
    this.#selectors = new LabelIndex(
      selecting.map((service) => ({ labels: service.value.spec?.selector ?? {}, service })),
    );
  }

  /** Ports of Services for workloads of these labels that are not declared HTTP: the first of many. */
  silentPorts(labels: Labels, world: World): readonly SilentPort[] {
    const key = JSON.stringify(labels);
    const known = this.#known.get(key) ?? [...this.#look(labels, world)].slice(0, MAX_PORTS);
    this.#known.set(key, known);
    return known;
  }

  *#look(labels: Labels, world: World): Generator<SilentPort> {
    const namespace = this.#selectors.things[0]?.service.namespace;
    if (namespace === undefined) return;
    const found = new Set(this.#selectors.select(labels).map(({ service }) => service));
    const seen = new Set<string>();
    for (const pod of world.select(labels, namespace)) {
      // Replicas have the same labels.
      const text = JSON.stringify(pod.labels);
      if (seen.has(text)) continue;
      seen.add(text);
      for (const service of this.#bySelector.matching(pod.labels)) found.add(service);
    }
    for (const service of found)
      for (const port of service.value.spec?.ports ?? []) if (!HTTP.has(portProtocol(port))) yield { service, port };
  }
}
