// What an egress listener lets through: thousands of services are asked about, and a listener may name thousands of hosts.

import { hostMatches, isWithinLabel, patternsFor } from "./hosts.ts";
import type { EgressListener, ImportedHost, ImportedNamespace } from "./proxy-scope.ts";

/** Whether a workload of the namespace `own` may call a host of `namespace` there. */
export function importsService(
  { hosts, except }: EgressListener,
  own: string,
  namespace: string,
  host: string,
): boolean {
  return indexOf(hosts).covers(host, own, namespace) && !indexOf(except).covers(host, own, namespace);
}

/** A route's host counts when it and what is imported may mean one name, whichever is the wider (Istio's VSMatches). */
export function importsRoute({ hosts, except }: EgressListener, own: string, namespace: string, host: string): boolean {
  return indexOf(hosts).meets(host, own, namespace) && !indexOf(except).covers(host, own, namespace);
}

const known = new WeakMap<readonly ImportedHost[], ImportIndex>();

function indexOf(hosts: readonly ImportedHost[]): ImportIndex {
  const index = known.get(hosts) ?? new ImportIndex(hosts);
  known.set(hosts, index);
  return index;
}

/** A wildcard is covered as a whole, never by one of its names. */
class ImportIndex {
  readonly #all: readonly ImportedHost[];
  readonly #withinLabels: readonly ImportedHost[];
  readonly #written = new Map<string, Namespaces>();
  /** By whatever covers what is written. */
  readonly #under = new Map<string, Namespaces>();

  constructor(hosts: readonly ImportedHost[]) {
    this.#all = hosts;
    this.#withinLabels = hosts.filter(({ host }) => isWithinLabel(host));
    for (const { host, namespace } of hosts) {
      add(this.#written, host, namespace);
      for (const pattern of patternsFor(host)) add(this.#under, pattern, namespace);
    }
  }

  covers(host: string, own: string, namespace: string): boolean {
    for (const pattern of patternsFor(host)) if (this.#written.get(pattern)?.has(own, namespace)) return true;
    return this.#withinLabels.some((entry) => hostMatches(entry.host, host) && isOf(entry.namespace, own, namespace));
  }

  /** Or is covered. */
  meets(host: string, own: string, namespace: string): boolean {
    if (this.covers(host, own, namespace)) return true;
    if (isWithinLabel(host))
      return this.#all.some((entry) => hostMatches(host, entry.host) && isOf(entry.namespace, own, namespace));
    return host.startsWith("*") && (this.#under.get(host)?.has(own, namespace) ?? false);
  }
}

function add(to: Map<string, Namespaces>, host: string, namespace: ImportedNamespace): void {
  const namespaces = to.get(host) ?? new Namespaces();
  namespaces.add(namespace);
  to.set(host, namespaces);
}

function isOf(imported: ImportedNamespace, own: string, namespace: string): boolean {
  if (imported.kind === "named") return namespace === imported.name;
  return imported.kind === "any" || namespace === own;
}

class Namespaces {
  readonly #names = new Set<string>();
  #any = false;
  #own = false;

  add(namespace: ImportedNamespace): void {
    if (namespace.kind === "named") this.#names.add(namespace.name);
    else if (namespace.kind === "any") this.#any = true;
    else this.#own = true;
  }

  has(own: string, namespace: string): boolean {
    return this.#any || (this.#own && namespace === own) || this.#names.has(namespace);
  }
}
