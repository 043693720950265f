import { expect, test } from "bun:test";
import type { CircuitBreakers } from "../../table/cluster.ts";
import { CellTable } from "../workers/cell-table.ts";
import { WorkerCells } from "../workers/worker-cells.ts";
import { Breakers } from "./breakers.ts";

const SEATS = 8;
const LIMITS: CircuitBreakers = {
  maxConnections: 3,
  maxPendingRequests: 2,
  maxRequests: 50,
  maxRetries: 0,
  maxConnectionsPerHost: Number.POSITIVE_INFINITY,
  retryBudget: { percent: 20, min: 3, intervalMs: 0 },
  tracksRemaining: false,
};

/** Those of one cluster in each of two processes. */
function processes(limits = LIMITS) {
  const table = new CellTable(new Uint8Array(CellTable.bytes(SEATS)), SEATS);
  table.setTaken([0, 1]);
  const [a, b] = [0, 1].map((seat) => new Breakers(limits, new WorkerCells(table, seat, 0, () => {}).counts("c")));
  return { a: a!, b: b!, table };
}

function admitted(admit: () => boolean, times: number): number {
  return Array.from({ length: times }, admit).filter(Boolean).length;
}

test("limits are those of all processes together", () => {
  const { a, b } = processes();
  expect(admitted(() => a.admitPending(), 1) + admitted(() => b.admitPending(), 3)).toBe(2);
  expect([a.pending, b.pending, b.overflows.pending]).toEqual([1, 1, 2]);
  a.releasePending();
  expect(b.admitPending()).toBe(true);
  expect(admitted(() => a.admitConnection(0, false), 2) + admitted(() => b.admitConnection(0, false), 2)).toBe(3);
  expect(admitted(() => a.admitRequest(), 30) + admitted(() => b.admitRequest(), 30)).toBe(50);
});

test("so is the floor of the retry budget, and its share", () => {
  const { a, b } = processes();
  expect(admitted(() => a.admitRetry(), 2) + admitted(() => b.admitRetry(), 2)).toBe(3);
  admitted(() => a.admitRequest(), 20);
  admitted(() => b.admitRequest(), 5); // 20 % of 25 are 5
  expect(admitted(() => b.admitRetry(), 5)).toBe(2);
});

test("what a process that is gone had under way is free", () => {
  const { a, b, table } = processes();
  expect(admitted(() => b.admitPending(), 2)).toBe(2);
  expect(a.admitPending()).toBe(false);
  table.vacate(1);
  expect(a.admitPending()).toBe(true);
});

test("what is left is that of all processes, and never less than nothing", () => {
  const { a, b } = processes({ ...LIMITS, maxRetries: 2, retryBudget: undefined });
  admitted(() => a.admitRequest(), 10);
  admitted(() => b.admitConnection(0, true), 4);
  a.admitRetry();
  for (const one of [a, b]) {
    expect([one.remaining("remaining_cx"), one.remaining("remaining_pending")]).toEqual([0, 2]);
    expect([one.remaining("remaining_rq"), one.remaining("remaining_retries")]).toEqual([40, 1]);
  }
});

test("what is refused is counted by its kind; a first connection that is let through all the same, too", () => {
  const breakers = new Breakers({ ...LIMITS, maxConnections: 1, retryBudget: undefined });
  expect(admitted(() => breakers.admitConnection(0, true), 2)).toBe(2);
  expect(breakers.admitConnection(0, false)).toBe(false);
  expect(breakers.admitRetry()).toBe(false);
  admitted(() => breakers.admitPending(), 3);
  admitted(() => breakers.admitRequest(), 51);
  expect(breakers.overflows).toEqual({ connections: 2, pending: 1, requests: 1, retries: 1 });
  breakers.resetOverflows();
  expect(breakers.overflows).toEqual({ connections: 0, pending: 0, requests: 0, retries: 0 });
});

test("a budget with an interval counts what began within it, in all processes, whether it is over or not", () => {
  const interval = { ...LIMITS, retryBudget: { percent: 50, min: 0, intervalMs: 600_000 } };
  const { a, b } = processes(interval);
  expect(a.admitRetry()).toBe(false);
  for (let i = 0; i < 5; i++) a.requestBegun();
  b.requestBegun();
  expect(admitted(() => a.admitRetry(), 5) + admitted(() => b.admitRetry(), 5)).toBe(3);
  // What is counted is not taken over when the interval is another, nor by others when it is gone.
  a.update({ ...interval, retryBudget: { ...interval.retryBudget, intervalMs: 1_200_000 } });
  for (let i = 0; i < 3; i++) a.releaseRetry();
  expect(b.admitRetry()).toBe(false);
  b.update(LIMITS);
});
