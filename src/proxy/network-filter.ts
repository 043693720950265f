// The filters of a chain before its terminal one, asked once when a connection reaches it.

import { Alarm, timers } from "../base/timer-wheel.ts";
import type { ByteStream } from "../net/byte-stream.ts";
import type { NetworkFilter } from "../table/network-filter.ts";
import { decideRbac } from "../table/rbac.ts";
import type { ConnectionFacts } from "../table/request.ts";
import type { BoundChain } from "./bound-chain.ts";
import { createBucket } from "./filter/shared-bucket.ts";
import type { Bucket } from "./filter/token-bucket.ts";
import type { SharedCells } from "./shared-cells.ts";

export interface Refusal {
  readonly reason: string;
  /** The connection is held that long before it is closed: whoever tries again at once is slowed down. */
  readonly delayMs: number;
}

type RateLimit = NetworkFilter & { readonly kind: "local-rate-limit" };

/** Of chains that live; an update that leaves a chain alone keeps its table, and so its bucket. */
const buckets = new WeakMap<NetworkFilter, Bucket>();

function bucketOf(filter: RateLimit, shared: SharedCells | undefined): Bucket {
  let bucket = buckets.get(filter);
  if (!bucket) {
    bucket = createBucket(filter.place, filter.bucket, performance.now(), shared);
    buckets.set(filter, bucket);
  }
  return bucket;
}

/** Why a connection is not let through, if it is not. */
export function refusal(
  { chain, live }: BoundChain,
  facts: ConnectionFacts,
  shared: SharedCells | undefined,
): Refusal | undefined {
  for (const filter of chain.filters) {
    switch (filter.kind) {
      case "rbac":
        if (!decideRbac(filter.rules, facts, undefined).allowed) return { reason: "denied by RBAC", delayMs: 0 };
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

/** Nothing is read meanwhile. */
export function closeLater(stream: ByteStream, delayMs: number): void {
  const deadline = new Alarm(() => stream.close());
  stream.pause();
  stream.listener = { receive() {}, drained() {}, ended() {}, closed: () => timers.disarm(deadline) };
  timers.arm(deadline, delayMs);
}
