import { afterEach, expect, test } from "bun:test";
import { until } from "../../../base/until-fixture.ts";
import type { OutlierDetection } from "../../../table/outlier-detection.ts";
import { CellTable, NO_SEAT } from "../../workers/cell-table.ts";
import { WorkerCells } from "../../workers/worker-cells.ts";
import { endpointAt } from "../destination.ts";
import { Host } from "../host.ts";
import { detection } from "./detection-fixture.ts";
import { OutlierDetector } from "./detector.ts";

const SEATS = 8;
const running: OutlierDetector[] = [];
afterEach(() => {
  for (const detector of running.splice(0)) detector.stop();
});

function watching(count: number, changes: Partial<OutlierDetection>) {
  const hosts = Array.from({ length: count }, (_, i) => new Host(endpointAt("127.0.0.1", i + 1), { kind: "raw" }));
  const changed: string[] = [];
  const detector = new OutlierDetector("c", detection(changes), ({ endpoint, ejected }) => {
    const { address } = endpoint;
    changed.push(`${address.kind === "socket" ? address.port : ""} ${ejected ? "out" : "back"}`);
  });
  running.push(detector);
  detector.watch(new Set(hosts));
  return { hosts, monitors: hosts.map(({ monitor }) => monitor!), detector, changed };
}

/** One host, in two processes of which the first leads. */
function together(changes: Partial<OutlierDetection>) {
  const table = new CellTable(new Uint8Array(CellTable.bytes(SEATS)), SEATS);
  table.lead(0);
  const cells: WorkerCells[] = [0, 1].map(
    (seat) => new WorkerCells(table, seat, seat * 1_000, () => cells[1 - seat]!.look()),
  );
  const hosts = cells.map(() => new Host(endpointAt("127.0.0.1", 1), { kind: "raw" }));
  for (const [i, shared] of cells.entries()) {
    const detector = new OutlierDetector("c", detection(changes), () => {}, { shared });
    running.push(detector);
    detector.watch(new Set([hosts[i]!]));
  }
  const [a, b] = hosts.map(({ monitor }) => monitor!);
  return { a: a!, b: b!, hosts, cells, table };
}

test("errors in a row eject, and the row begins anew with a good answer and with an ejection", () => {
  const { monitors, changed } = watching(2, { consecutive5xx: 2 });
  for (const status of [500, 200, 500, 404, 500]) monitors[0]!.responded(status);
  expect(changed).toEqual([]);
  monitors[0]!.responded(599);
  expect(changed).toEqual(["1 out"]);
  for (let i = 0; i < 4; i++) monitors[0]!.responded(500);
  expect(changed).toEqual(["1 out"]);
});

test("gateway failures are counted apart from other errors", () => {
  const { monitors, changed } = watching(1, { consecutiveGatewayFailure: 2 });
  for (const status of [502, 500, 504, 501, 503]) monitors[0]!.responded(status);
  expect(changed).toEqual([]);
  monitors[0]!.responded(502);
  expect(changed).toEqual(["1 out"]);
});

test("what no response tells is a status, or of its own kind where the two are told apart", () => {
  const together = watching(1, { consecutiveGatewayFailure: 2, consecutiveLocalOriginFailure: 2 });
  together.monitors[0]!.failed();
  together.monitors[0]!.connected();
  together.monitors[0]!.timedOut();
  expect(together.changed).toEqual(["1 out"]);
  const apart = watching(1, { splitsLocalOrigin: true, consecutive5xx: 1, consecutiveLocalOriginFailure: 2 });
  apart.monitors[0]!.failed();
  apart.monitors[0]!.connected();
  apart.monitors[0]!.timedOut();
  expect(apart.changed).toEqual([]);
  apart.monitors[0]!.failed();
  expect(apart.changed).toEqual(["1 out"]);
});

test("more than the percentage allows overflow", () => {
  const { monitors, changed, detector } = watching(4, { consecutive5xx: 1, maxEjectionPercent: 50 });
  for (const monitor of monitors) monitor.responded(500);
  expect(changed).toEqual(["1 out", "2 out"]);
  expect(detector.stats).toEqual({ enforced: 2, overflow: 2 });
  expect(detector.ejected).toBe(2);
});

test("several processes judge as one: rows are counted together, an ejection holds in all, and the one that leads ends it", async () => {
  const { a, b, hosts, cells, table } = together({ consecutive5xx: 4, baseEjectionMs: 20, maxEjectionMs: 20 });
  for (const monitor of [a, b, a]) monitor.responded(500);
  expect(hosts.map(({ ejected }) => ejected)).toEqual([false, false]);
  b.responded(500);
  expect(hosts.map(({ ejected }) => ejected)).toEqual([true, true]);
  expect(a.backoff).toBe(1);
  await until("it is back in both", () => hosts.every(({ ejected }) => !ejected));
  expect(a.isEjected).toBe(false);
  table.lead(NO_SEAT); // the one that led is gone: nobody judges
  for (let i = 0; i < 4; i++) a.responded(500);
  expect(hosts.every(({ ejected }) => ejected)).toBe(true);
  table.lead(1);
  await until("another brings it back", () => hosts.every(({ ejected }) => !ejected));
  expect(cells[1]!.leads).toBe(true);
});

test("a success rate is that over all processes", async () => {
  const { a, b, hosts } = together({ failurePercentage: { minimumHosts: 1, requestVolume: 6, threshold: 50 } });
  for (const monitor of [a, b]) for (const status of [500, 500, 200]) monitor.responded(status);
  await until("an interval is over", () => hosts.every(({ ejected }) => ejected));
});

test("a host comes back by time, out again for longer", async () => {
  const { hosts, monitors, changed } = watching(1, { consecutive5xx: 1, baseEjectionMs: 20, maxEjectionMs: 40 });
  monitors[0]!.responded(500);
  await until("it is back", () => changed.length === 2);
  monitors[0]!.responded(500);
  expect(hosts[0]!.ejected).toBe(true);
  expect(monitors[0]!.backoff).toBeGreaterThan(1);
  await until("it is back again", () => changed.length === 4);
  await until("what it was good for counts", () => monitors[0]!.backoff === 0);
});

test("a health check that passes brings a host back, unless it is told otherwise", () => {
  const by = watching(1, { consecutive5xx: 1 });
  by.monitors[0]!.responded(500);
  by.detector.onHealthCheckPassed(by.hosts[0]!);
  expect(by.changed).toEqual(["1 out", "1 back"]);
  const not = watching(1, { consecutive5xx: 1, uneject: "by-time" });
  not.monitors[0]!.responded(500);
  not.detector.onHealthCheckPassed(not.hosts[0]!);
  expect(not.changed).toEqual(["1 out"]);
});

test("rates are those of one interval, each origin's of its own", async () => {
  const { monitors, changed } = watching(3, {
    splitsLocalOrigin: true,
    failurePercentage: { minimumHosts: 3, requestVolume: 4, threshold: 50 },
  });
  for (let i = 0; i < 4; i++) {
    for (const monitor of monitors) monitor.connected();
    monitors[0]!.responded(200);
    monitors[1]!.responded(200);
    monitors[2]!.responded(i < 2 ? 500 : 200);
  }
  await until("an interval is over", () => changed.length > 0);
  expect(changed).toEqual(["3 out"]);
});

test("hosts that go are forgotten, hosts that stay keep what was counted", () => {
  const { hosts, monitors, detector } = watching(2, { consecutive5xx: 2 });
  monitors[1]!.responded(500);
  detector.watch(new Set([hosts[1]!]));
  expect(hosts[0]!.monitor).toBeUndefined();
  expect(hosts[1]!.monitor).toBe(monitors[1]);
  monitors[1]!.responded(500);
  expect(hosts[1]!.ejected).toBe(true);
});
