// What is known of proxies that run, beyond what they are to have: what each runs by its own word, and what it found out about its endpoints.

import type { WorkloadKey } from "../model/workload.ts";
import type { ResourceMap } from "../xds/snapshot.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import type { EndpointHealth } from "./explanation.ts";

export type RunningResources = Readonly<Partial<Record<ResourceKind, ResourceMap>>>;

/** A resource that a proxy is to have, and has not said that it took. */
export interface Unacknowledged {
  readonly kind: ResourceKind;
  readonly name: string;
  /** Its words, where it refused it. */
  readonly refusal: string | undefined;
}

/** What the control plane says of a proxy's stream. */
export type Acknowledgement =
  | { readonly kind: "disconnected" }
  | { readonly kind: "connected"; readonly missing: readonly Unacknowledged[]; readonly more: number }
  /** Nobody could be asked. */
  | { readonly kind: "unknown"; readonly why: string };

/** What the proxy's admin interface says. */
export type Running =
  | {
      readonly kind: "told";
      readonly resources: RunningResources;
      /** By cluster, then by address. */
      readonly hosts: ReadonlyMap<string, ReadonlyMap<string, EndpointHealth>>;
    }
  | { readonly kind: "silent"; readonly why: string };

export interface LiveProxy {
  readonly acknowledgement: Acknowledgement;
  readonly running: Running;
}

export type LiveProxies = ReadonlyMap<WorkloadKey, LiveProxy>;

export const NOBODY_ASKED: LiveProxies = new Map();
