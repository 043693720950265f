// Everything that analyzers look at together: the objects by kind, the mesh that they make, and indexes over both.

import { nearest, nearestHost } from "../base/nearest.ts";
import { resolveHost } from "../dialect/istio/names.ts";
import type { SourceObject } from "../dialect/object.ts";
import type { RecordSchema, Value } from "../dialect/schema.ts";
import { patternsFor } from "../model/hosts.ts";
import { LabelIndex } from "../model/label-index.ts";
import { serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import type { Service } from "../model/service.ts";
import { settledHost } from "../model/service-alias.ts";
import type { MeshSettings } from "../model/settings.ts";
import { hostsOf } from "./held.ts";
import type { Kind } from "./kinds.ts";
import { type Runnable, runnablesOf } from "./runnable.ts";
import { isOfKind, readView, type View } from "./view.ts";

/** Nearest names looked for in one run: each is compared with every candidate, and nobody reads on after this many. */
const MAX_SUGGESTIONS = 50;

/** What selections are remembered with, together: thousands of objects may select the same thousands. */
const MAX_KEPT = 1_000_000;

/** Namespaces that are there without anybody writing them. */
const GIVEN_NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

export class World {
  /** Those that are read. */
  readonly objects: readonly SourceObject[];
  readonly mesh: Mesh;
  readonly settings: MeshSettings;
  /** Milliseconds since 1970: what certificates are held against. */
  readonly now: number;
  readonly #views = new Map<Kind, readonly View<unknown>[]>();
  readonly #byName = new Map<Kind, ReadonlyMap<string, View<unknown>>>();
  readonly #unread: ReadonlySet<string>;
  readonly #left: readonly SourceObject[];
  #leftHosts: ReadonlyMap<string, string> | undefined;
  #namespaces: ReadonlySet<string> | undefined;
  #runnables: ReadonlyMap<string, LabelIndex<Runnable>> | undefined;
  readonly #selected = new Map<string, readonly Runnable[]>();
  #kept = 0;
  #suggestionsLeft = MAX_SUGGESTIONS;

  /** `objects`: each of its key once. Those in `unread` namespaces are nothing to the mesh, and to no analyzer (dialect/discovery.ts). */
  constructor(objects: readonly SourceObject[], mesh: Mesh, unread: ReadonlySet<string> = new Set(), now = Date.now()) {
    const sorted = [...objects].sort((a, b) => compareText(a.key, b.key));
    this.#unread = unread;
    this.#left = unread.size === 0 ? [] : sorted.filter(({ origin }) => unread.has(origin.namespace));
    this.objects = unread.size === 0 ? sorted : sorted.filter(({ origin }) => !unread.has(origin.namespace));
    this.mesh = mesh;
    this.settings = mesh.settings;
    this.now = now;
  }

  /** Objects of a kind by key; those with a wrong field are left out. */
  views<S extends RecordSchema>(kind: Kind<S>): readonly View<Value<S>>[] {
    let views = this.#views.get(kind);
    if (!views) {
      views = this.objects
        .filter((object) => isOfKind(object, kind))
        .flatMap((object) => readView(kind, object).view ?? []);
      this.#views.set(kind, views);
    }
    return views as readonly View<Value<S>>[];
  }

  /** The object of a kind that has this name. */
  view<S extends RecordSchema>(
    kind: Kind<S>,
    { namespace, name }: { readonly namespace: string; readonly name: string },
  ): View<Value<S>> | undefined {
    let byName = this.#byName.get(kind);
    if (!byName) {
      byName = new Map(this.views(kind).map((view) => [`${view.namespace}/${view.name}`, view]));
      this.#byName.set(kind, byName);
    }
    return byName.get(`${namespace}/${name}`) as View<Value<S>> | undefined;
  }

  /** Namespaces that an object names or is in. */
  get namespaces(): ReadonlySet<string> {
    this.#namespaces ??= new Set([
      ...GIVEN_NAMESPACES,
      ...this.settings.rootNamespaces,
      ...this.objects.map(({ origin }) => (origin.kind === "Namespace" ? origin.name : origin.namespace)),
      ...this.#unread,
    ]);
    return this.#namespaces;
  }

  /** What would be right where somebody names a namespace that nobody reads, or what is in it; undefined: it is read, or not there. */
  unread(namespace: string): string | undefined {
    if (!this.#unread.has(namespace)) return undefined;
    return `labels that discoverySelectors of the mesh select on Namespace ${namespace}: nobody reads it`;
  }

  /** The same of a full host that a Service or ServiceEntry there has. */
  unreadHost(host: string): string | undefined {
    this.#leftHosts ??= new Map(
      this.#left
        .filter(({ origin }) => origin.kind === "Service" || origin.kind === "ServiceEntry")
        .flatMap((object) => hostsOf(object, this.settings).map((name) => [name, object.origin.namespace] as const)),
    );
    const namespace = this.#leftHosts.get(host);
    return namespace === undefined ? undefined : this.unread(namespace);
  }

  isRoot(namespace: string): boolean {
    return this.settings.rootNamespaces.includes(namespace);
  }

  host(written: string, namespace: string): string {
    return resolveHost(written, namespace, this.settings.clusterDomain);
  }

  /** The service that a full host, or a name that stands for it, means to clients of a namespace; a wildcard ServiceEntry stands for every host under it. */
  service(host: string, namespace: string): Service | undefined {
    for (const pattern of patternsFor(settledHost(this.mesh.index.aliases, host))) {
      const found = serviceFor(this.mesh, pattern, namespace);
      if (found) return found;
    }
    return undefined;
  }

  knowsHost(host: string, namespace: string): boolean {
    return this.service(host, namespace) !== undefined;
  }

  nearestHost(host: string): string | undefined {
    return this.#suggestionsLeft-- > 0 ? nearestHost(host, this.mesh.index.servicesByHost.keys()) : undefined;
  }

  /** Undefined as well when so many were looked for that nobody reads on. */
  nearest(text: string, candidates: Iterable<string>): string | undefined {
    return this.#suggestionsLeft-- > 0 ? nearest(text, candidates) : undefined;
  }

  /** What runs, or will: Pods, templates of Pods, workload entries and groups. */
  get runnables(): readonly Runnable[] {
    return [...this.#byNamespace().values()].flatMap((index) => index.select({}));
  }

  /** What labels select in a namespace; in all of them without one. */
  select(labels: Readonly<Record<string, string>>, namespace?: string): readonly Runnable[] {
    const key = JSON.stringify([namespace, labels]);
    const known = this.#selected.get(key);
    if (known) return known;
    const selected = this.#indexes(namespace).flatMap((index) => index.select(labels));
    this.#kept += selected.length;
    if (this.#kept < MAX_KEPT) this.#selected.set(key, selected);
    return selected;
  }

  /** One of those that `select` gives; undefined when there is none. */
  selectFirst(labels: Readonly<Record<string, string>>, namespace?: string): Runnable | undefined {
    for (const index of this.#indexes(namespace)) {
      const found = index.first(labels);
      if (found) return found;
    }
    return undefined;
  }

  #indexes(namespace: string | undefined): readonly LabelIndex<Runnable>[] {
    const all = this.#byNamespace();
    if (namespace === undefined) return [...all.values()];
    const own = all.get(namespace);
    return own ? [own] : [];
  }

  #byNamespace(): ReadonlyMap<string, LabelIndex<Runnable>> {
    this.#runnables ??= new Map(
      [
        ...Map.groupBy(
          runnablesOf((kind) => this.views(kind)),
          ({ namespace }) => namespace,
        ),
      ].map(([namespace, members]) => [namespace, new LabelIndex(members)] as const),
    );
    return this.#runnables;
  }
}
