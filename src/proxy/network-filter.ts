// The filters of a chain before its terminal one, asked once when a connection reaches it.

import type { JsonObject } from "@bufbuild/protobuf";
import { Alarm, timers } from "../base/timer-wheel.ts";
import type { ByteStream } from "../net/byte-stream.ts";
import { applyFilterState, type FilterStateRule } from "../table/filter-state.ts";
import type { NetworkFilter, NetworkRbac as RbacTable } from "../table/network-filter.ts";
import { AccessRecord } from "./access-record.ts";
import type { BoundChain } from "./bound-chain.ts";
import type { DownstreamFacts } from "./connection-facts.ts";
import type { FilterCount } from "./filter/filter.ts";
import { createBucket } from "./filter/shared-bucket.ts";
import type { Bucket } from "./filter/token-bucket.ts";
import { formatText } from "./format-value.ts";
import { NetworkRbac } from "./network-rbac.ts";
import type { SharedCells } from "./shared-cells.ts";

export interface Refusal {
  readonly reason: string;
  /** Envoy's connection termination details; undefined: it has none. */
  readonly details?: string;
  /** The connection is held that long before it is closed: whoever tries again at once is slowed down. */
  readonly delayMs: number;
}

type LimitTable = NetworkFilter & { readonly kind: "local-rate-limit" };

/** Of chains that live; an update that leaves a chain alone keeps its tables, and so what is known by them. */
const buckets = new WeakMap<LimitTable, Bucket>();
const rules = new WeakMap<RbacTable, NetworkRbac>();

function bucketOf(filter: LimitTable, shared: SharedCells | undefined): Bucket {
  let bucket = buckets.get(filter);
  if (!bucket) {
    bucket = createBucket(filter.place, filter.bucket, performance.now(), shared);
    buckets.set(filter, bucket);
  }
  return bucket;
}

function rbacOf(filter: RbacTable): NetworkRbac {
  let rbac = rules.get(filter);
  if (!rbac) {
    rbac = new NetworkRbac(filter);
    rules.set(filter, rbac);
  }
  return rbac;
}

function keep(rules: readonly FilterStateRule[], facts: DownstreamFacts): void {
  const state = new Map(facts.filterState);
  const source = new AccessRecord(facts, undefined);
  applyFilterState(state, rules, ({ format, absent }) => formatText(format, source, absent));
  facts.filterState = state;
}

/** Why a connection is not let through, if it is not. `said`: what its filters find out about it is added there. */
export function refusal(
  { chain, live }: BoundChain,
  facts: DownstreamFacts,
  said: JsonObject[],
  shared: SharedCells | undefined,
): Refusal | undefined {
  for (const filter of chain.filters) {
    switch (filter.kind) {
      case "rbac": {
        const rbac = rbacOf(filter);
        const shadow = rbac.shadow(facts);
        if (shadow) said.push(shadow);
        const details = rbac.refusal(facts);
        if (details !== undefined) return { reason: "denied by RBAC", details, delayMs: filter.delayMs };
        break;
      }
      case "set-filter-state":
        keep(filter.rules, facts);
        break;
      case "local-rate-limit":
        if (!bucketOf(filter, shared).take(performance.now())) return { reason: "local rate limit", delayMs: 0 };
        break;
      case "connection-limit":
        if (live.size >= filter.max) return { reason: "connection limit", delayMs: filter.delayMs };
        break;
    }
  }
  return undefined;
}

/** For a scrape. */
export function networkCounts(filter: NetworkFilter): readonly FilterCount[] {
  return filter.kind === "rbac" ? rbacOf(filter).counts() : [];
}

/** Nothing is read meanwhile. */
export function closeLater(stream: ByteStream, delayMs: number): void {
  const deadline = new Alarm(() => stream.close());
  stream.pause();
  stream.listener = { receive() {}, drained() {}, ended() {}, closed: () => timers.disarm(deadline) };
  timers.arm(deadline, delayMs);
}
