// The filters of a chain before its terminal one, asked once when a connection reaches it.

import { Alarm, timers } from "../base/timer-wheel.ts";
import type { ByteStream } from "../net/byte-stream.ts";
import { decideRbac } from "../table/rbac.ts";
import type { ConnectionFacts } from "../table/request.ts";
import type { BoundChain } from "./bound-chain.ts";

export interface Refusal {
  readonly reason: string;
  /** The connection is held that long before it is closed: whoever tries again at once is slowed down. */
  readonly delayMs: number;
}

/** Why a connection is not let through, if it is not. */
export function refusal({ chain, live }: BoundChain, facts: ConnectionFacts): Refusal | undefined {
  for (const filter of chain.filters) {
    switch (filter.kind) {
      case "rbac":
        if (!decideRbac(filter.rules, facts, undefined).allowed) return { reason: "denied by RBAC", delayMs: 0 };
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
