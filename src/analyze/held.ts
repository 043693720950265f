// What is there beside an object that is written, and what it says, as far as that decides who stands beside whom.

import { resolveHost } from "../dialect/istio/names.ts";
import { serviceHost } from "../dialect/kubernetes/names.ts";
import type { SourceObject } from "../dialect/object.ts";
import type { RecordSchema, Value } from "../dialect/schema.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { Kind } from "./kinds.ts";
import { type View, viewAs } from "./view.ts";

/** Everything of a kind that is in force. */
export type Held = (kind: Kind) => Iterable<SourceObject>;

/** What a write is judged beside. */
export interface There {
  readonly held: Held;
  readonly settings: MeshSettings;
}

/** By the object's value: thousands are asked for theirs at each write, and a changed object is another one. */
const hostsKnown = new WeakMap<object, { readonly domain: string; readonly hosts: readonly string[] }>();

/** The full hosts of a Service, a ServiceEntry or a VirtualService, right or wrong. */
export function hostsOf({ origin, value }: SourceObject, { clusterDomain: domain }: MeshSettings): readonly string[] {
  const { namespace, name, kind, group } = origin;
  if (kind === "Service" && group === "") return [serviceHost(name, namespace, domain)];
  const known = hostsKnown.get(value);
  if (known?.domain === domain) return known.hosts;
  const { hosts: written } = (value.spec ?? {}) as { readonly hosts?: unknown };
  const texts = Array.isArray(written) ? written.filter((host): host is string => typeof host === "string") : [];
  const hosts = texts.map((host) => resolveHost(host, namespace, domain));
  hostsKnown.set(value, { domain, hosts });
  return hosts;
}

const viewsKnown = new WeakMap<object, View<unknown> | undefined>();

/** `viewAs`, of an object that is asked about at many writes. */
export function heldView<S extends RecordSchema>(kind: Kind<S>, object: SourceObject): View<Value<S>> | undefined {
  if (!viewsKnown.has(object)) viewsKnown.set(object, viewAs(kind, object));
  return viewsKnown.get(object) as View<Value<S>> | undefined;
}
