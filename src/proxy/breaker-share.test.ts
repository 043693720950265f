import { expect, test } from "bun:test";
import type { CircuitBreakers } from "../table/cluster.ts";
import { shareOf } from "./breaker-share.ts";

const LIMITS: CircuitBreakers = {
  maxConnections: 1_024,
  maxPendingRequests: 3,
  maxRequests: 1,
  maxRetries: 0,
  maxConnectionsPerHost: Number.POSITIVE_INFINITY,
  retryBudget: { percent: 20, min: 3, intervalMs: 0 },
  tracksRemaining: false,
};

test("processes that count alone have the limit together, each at least 1, and none where the limit is 0", () => {
  const { default: normal, high } = shareOf({ default: LIMITS, high: { ...LIMITS, maxRequests: 10 } }, 2, false);
  const retryBudget = { percent: 20, min: 2, intervalMs: 0 };
  expect(normal).toEqual({ ...LIMITS, maxConnections: 512, maxPendingRequests: 2, retryBudget });
  expect(high.maxRequests).toBe(5);
});

test("processes that count together have the limit as it is, but for that of a host", () => {
  const limits = { ...LIMITS, maxConnectionsPerHost: 10 };
  const { default: normal } = shareOf({ default: limits, high: limits }, 2, true);
  expect(normal).toEqual({ ...LIMITS, maxConnectionsPerHost: 5 });
});
