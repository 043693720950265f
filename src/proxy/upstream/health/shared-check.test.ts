import { afterEach, expect, test } from "bun:test";
import { until } from "../../../base/until-fixture.ts";
import type { HealthCheck } from "../../../table/health-check.ts";
import { CellTable, NO_SEAT } from "../../workers/cell-table.ts";
import { WorkerCells } from "../../workers/worker-cells.ts";
import { endpointAt } from "../destination.ts";
import { Host } from "../host.ts";
import type { Prober } from "./prober.ts";
import { HealthSession, type HealthStats, NO_CHECKS, type SessionOwner } from "./session.ts";
import { SharedCheck } from "./shared-check.ts";
import { type Outcome, PASSED, UNREACHABLE } from "./transition.ts";

const SEATS = 8;
const MINUTE_MS = 60_000;

/** Each check is due `everyMs` after the one before, and may take a minute. */
function checkOf(everyMs: number, fields: Partial<HealthCheck> = {}): HealthCheck {
  return {
    probe: { kind: "tcp", send: undefined, receive: [] },
    timeoutMs: MINUTE_MS,
    intervals: {
      healthyMs: everyMs,
      unhealthyMs: everyMs,
      healthyEdgeMs: everyMs,
      unhealthyEdgeMs: everyMs,
      noTrafficMs: everyMs,
      noTrafficHealthyMs: everyMs,
      jitterMs: 0,
      jitterPercent: 0,
      initialJitterMs: 0,
    },
    unhealthyThreshold: 2,
    healthyThreshold: 2,
    reusesConnection: true,
    alpn: [],
    socketCriteria: undefined,
    eventLogPath: "",
    logsAllFailures: false,
    logsAllSuccesses: false,
    ...fields,
  };
}

/** The check that runs ends when the test says so. */
class HeldProber implements Prober {
  #done: ((outcome: Outcome) => void) | undefined;

  begin(done: (outcome: Outcome) => void): void {
    this.#done = done;
  }

  close(): void {
    this.#done = undefined;
  }

  get isAsked(): boolean {
    return this.#done !== undefined;
  }

  end(outcome: Outcome): void {
    const done = this.#done!;
    this.#done = undefined;
    done(outcome);
  }
}

/** One host as one process checks it. */
class Checking implements SessionOwner {
  readonly cluster = "c";
  readonly check: HealthCheck;
  readonly stats: HealthStats = { ...NO_CHECKS };
  readonly host = new Host(endpointAt("127.0.0.1", 1), { kind: "raw" });
  readonly prober = new HeldProber();
  readonly session: HealthSession;
  readonly told: string[] = [];
  readonly #unwatch: () => void;

  constructor(cells: WorkerCells, check: HealthCheck) {
    this.check = check;
    const shared = new SharedCheck(cells, cells.cell("check")!);
    const known = shared.begin(0, check.timeoutMs);
    this.host.failedActiveCheck = !known?.healthy;
    this.session = new HealthSession(this, this.host, this.prober, { known, shared });
    this.#unwatch = cells.watch(() => this.session.look());
    this.session.start();
  }

  isReady(): boolean {
    return true;
  }

  hadTraffic(): boolean {
    return true;
  }

  onChecked(): void {
    this.told.push(this.host.failedActiveCheck ? "down" : "up");
  }

  log(): void {}

  stop(): void {
    this.#unwatch();
    this.session.stop();
  }
}

const running: Checking[] = [];
afterEach(() => {
  for (const one of running.splice(0)) one.stop();
});

/** Processes that check one host, of which the first leads. */
class Processes {
  readonly table = new CellTable(new Uint8Array(CellTable.bytes(SEATS)), SEATS);
  readonly #cells: WorkerCells[] = [];
  readonly #check: HealthCheck;

  constructor(check: HealthCheck) {
    this.#check = check;
    this.table.lead(0);
  }

  /** `afterMs`: later than it is. */
  begin(afterMs = 0): Checking {
    const seat = this.#cells.length;
    const others = () => this.#cells.filter((_, i) => i !== seat);
    const cells = new WorkerCells(this.table, seat, MINUTE_MS + afterMs, () => {
      for (const other of others()) other.look();
    });
    this.#cells.push(cells);
    const one = new Checking(cells, this.#check);
    running.push(one);
    return one;
  }

  lead(seat: number): void {
    this.table.lead(seat);
    for (const cells of this.#cells) cells.look();
  }
}

function processes(count: number, everyMs: number, fields: Partial<HealthCheck> = {}): [Processes, ...Checking[]] {
  const proxy = new Processes(checkOf(everyMs, fields));
  return [proxy, ...Array.from({ length: count }, () => proxy.begin())];
}

const flags = (all: readonly Checking[]) => all.map(({ host }) => (host.failedActiveCheck ? "down" : "up"));
const asked = (all: readonly Checking[]) => all.map(({ prober }) => prober.isAsked);

test("the one that leads asks, and all know what it finds out", () => {
  const [, ...all] = processes(3, MINUTE_MS);
  expect(asked(all)).toEqual([true, false, false]);
  all[0]!.prober.end(PASSED);
  expect(flags(all)).toEqual(["up", "up", "up"]);
  expect(all.map(({ told }) => told)).toEqual([["up"], ["up"], ["up"]]);
  expect(all.map(({ stats }) => stats.attempts)).toEqual([1, 0, 0]);
  expect(all.map(({ stats }) => stats.successes)).toEqual([1, 0, 0]);
});

test("who comes later knows it, too, and asks nothing", () => {
  const [proxy, first] = processes(1, MINUTE_MS);
  first!.prober.end(PASSED);
  const late = proxy.begin();
  expect([late.session.isKnown, late.host.failedActiveCheck, late.prober.isAsked]).toEqual([true, false, false]);
});

test("what a response told one of them is so for all, and counted once", () => {
  const [, ...all] = processes(3, MINUTE_MS);
  all[0]!.prober.end(PASSED);
  all[2]!.session.failAtOnce();
  expect(flags(all)).toEqual(["down", "down", "down"]);
  expect(all.map(({ host }) => host.excluded)).toEqual([true, true, true]);
  expect(all.map(({ stats }) => stats.passiveFailures)).toEqual([0, 0, 1]);
});

test("another goes on where the one that led is gone, with the row that there was", async () => {
  const [proxy, first, second] = processes(2, 10);
  first!.prober.end(PASSED);
  await until("the next check", () => first!.prober.isAsked);
  first!.prober.end(UNREACHABLE);
  expect(flags([first!, second!])).toEqual(["up", "up"]);
  proxy.lead(1);
  first!.stop();
  await until("the second asks", () => second!.prober.isAsked);
  second!.prober.end(UNREACHABLE);
  expect(flags([second!])).toEqual(["down"]);
});

test("a check that its process gave up is made by another, without a wait for its time-out", async () => {
  const [proxy, first, second] = processes(2, MINUTE_MS);
  expect(first!.prober.isAsked).toBe(true);
  proxy.lead(1);
  first!.stop();
  await until("the second asks", () => second!.prober.isAsked);
});

test("nobody leads: one of them asks, and not two", async () => {
  const proxy = new Processes(checkOf(MINUTE_MS));
  proxy.table.lead(NO_SEAT);
  const all = [proxy.begin(), proxy.begin(), proxy.begin()];
  await until("one asks", () => asked(all).includes(true));
  expect(asked(all).filter(Boolean)).toHaveLength(1);
  all.find(({ prober }) => prober.isAsked)!.prober.end(PASSED);
  expect(flags(all)).toEqual(["up", "up", "up"]);
});

test("a host that went and came back is asked before it is known", () => {
  const [proxy, first, second] = processes(2, MINUTE_MS);
  first!.prober.end(PASSED);
  first!.stop();
  second!.stop();
  const late = proxy.begin();
  expect([late.session.isKnown, late.host.failedActiveCheck]).toEqual([false, true]);
});

test("what nobody goes on asking is not known any more", () => {
  const [proxy, first] = processes(1, MINUTE_MS);
  first!.prober.end(PASSED);
  proxy.lead(NO_SEAT);
  first!.stop();
  expect(proxy.begin(MINUTE_MS).session.isKnown).toBe(true);
  expect(proxy.begin(3 * MINUTE_MS).session.isKnown).toBe(false);
});
