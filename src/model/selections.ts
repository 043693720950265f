// What services that select alike have in common: their workloads, and on ports that are served alike the very list of endpoints. As many
// services of as many Pods, each of all of them, would otherwise make the square of that.

import type { Endpoint } from "./endpoint.ts";
import type { LabelIndex } from "./label-index.ts";
import { compareText } from "./origin.ts";
import type { Service, ServicePort } from "./service.ts";
import type { Workload } from "./workload.ts";

/** Of one state of the workloads. */
export class Selections {
  readonly #known = new Map<string, Selection>();

  /** Undefined for a service that selects nothing. */
  of({ selector }: Service, byNamespace: ReadonlyMap<string, LabelIndex<Workload>>): Selection | undefined {
    if (!selector) return undefined;
    const labels = Object.entries(selector.labels).sort(([a], [b]) => compareText(a, b));
    const key = JSON.stringify([selector.namespace, labels]);
    const known = this.#known.get(key);
    if (known) return known;
    const made = new Selection(byNamespace.get(selector.namespace)?.select(selector.labels) ?? []);
    this.#known.set(key, made);
    return made;
  }
}

class Selection {
  readonly #workloads: readonly Workload[];
  /** Services of these names give some of the workloads a name of its own. */
  readonly #subdomains: ReadonlySet<string | undefined>;
  /** By all of a service and its port that an endpoint is made of. */
  readonly #known = new Map<string, readonly Endpoint[]>();

  constructor(workloads: readonly Workload[]) {
    this.#workloads = workloads;
    this.#subdomains = new Set(workloads.map(({ instance }) => instance?.subdomain));
  }

  endpoints(
    { name, namespace, resolution, publishesUnready }: Service,
    port: ServicePort,
    endpointOf: (workload: Workload) => Endpoint | undefined,
  ): readonly Endpoint[] {
    const named = this.#subdomains.has(name) ? [name, namespace] : [];
    const key = JSON.stringify([resolution, publishesUnready, port.number, port.name, port.target, ...named]);
    const known = this.#known.get(key);
    if (known) return known;
    const made = unique(this.#workloads.map(endpointOf));
    this.#known.set(key, made);
    return made;
  }
}

/** Sorted; the first of those with one address and port is kept (EndpointSlices may repeat an endpoint while they are rewritten). */
export function unique(found: readonly (Endpoint | undefined)[]): readonly Endpoint[] {
  const endpoints = found.filter((endpoint) => endpoint !== undefined);
  endpoints.sort((a, b) => compareText(a.address, b.address) || a.applicationPort - b.applicationPort);
  return endpoints.filter((endpoint, i) => i === 0 || !sameAddress(endpoint, endpoints[i - 1]!));
}

function sameAddress(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.applicationPort === b.applicationPort;
}
