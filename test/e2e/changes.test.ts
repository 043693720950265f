// What may change while traffic flows, and what that costs: nothing, or what a process that was killed held in its hands.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadReport } from "../../examples/golden-signal/client.ts";
import type { ProxyStatus } from "../../src/admin/api.ts";
import { EXAMPLE, Heddle, processesWith, type Running, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
/** Requests under way at a time. */
const CONNECTIONS = 4;
const RATE = 100;
const DOCUMENTS = ["destinationrule.yaml", "virtualservice.yaml", "peerauthentication.yaml"].map((name) =>
  join(EXAMPLE, name),
);

const heddle = new Heddle();
let client: Running;

function reports(): readonly LoadReport[] {
  return client
    .stdout()
    .split("\n")
    .flatMap((line) => (line.endsWith("}") ? [JSON.parse(line) as LoadReport] : []));
}

function last(): LoadReport {
  return reports().at(-1) ?? { kind: "progress", requests: 0, failed: 0, perSecond: 0, versions: {} };
}

/** Percent of the answers of the last ten seconds that came from v1. */
function shareOfV1(): number {
  const { versions } = last();
  const answered = Object.values(versions).reduce((sum, { requests }) => sum + requests, 0);
  return answered === 0 ? 0 : (100 * (versions.v1?.requests ?? 0)) / answered;
}

/** Resolves when so many more requests have been made. */
async function afterRequests(count: number): Promise<void> {
  const goal = last().requests + count;
  await until(() => last().requests >= goal);
}

function startService(version: string, mark: string): Running {
  const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const port = String(free.port);
  free.stop(true);
  return heddle.runExample("app.ts", "golden-signal", version, ["--port", port], { LATENCY_MS: "2", MARK: mark });
}

async function readyPods(): Promise<number> {
  return (await heddle.call(["get", "pods"])).stdout.split("1/1").length - 1;
}

beforeAll(async () => {
  await heddle.up(["--cert-ttl", "10s"]);
  startService("v1", "v1");
  startService("v2", "v2-killed");
  startService("v2", "v2-crashed");
  startService("v2", "v2-left");
  await until(async () => (await readyPods()) === 4);
  expect((await heddle.call(["apply", "-f", ...DOCUMENTS])).code).toBe(0);
  const env = { CONNECTIONS: String(CONNECTIONS), RATE: String(RATE) };
  client = heddle.runExample("client.ts", "client", "v1", [], env);
  await afterRequests(5 * RATE);
}, LIMIT_MS);

afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

test(
  "edited weights move the traffic without one failed request",
  async () => {
    expect(Math.abs(shareOfV1() - 80)).toBeLessThan(10);
    const half = readFileSync(DOCUMENTS[1]!, "utf8")
      .replace("weight: 80", "weight: 50")
      .replace("weight: 20", "weight: 50");
    expect((await heddle.call(["apply", "-f", "-"], { stdin: half })).code).toBe(0);
    await until(() => shareOfV1() < 60);
    expect(last()).toMatchObject({ failed: 0 });
  },
  LIMIT_MS,
);

test(
  "a mistake is refused and the traffic does not notice",
  async () => {
    const bad = readFileSync(DOCUMENTS[1]!, "utf8").replace("weight: 80", "weight: eighty");
    expect((await heddle.call(["apply", "-f", "-"], { stdin: bad })).code).toBe(65);
    await afterRequests(RATE);
    expect(last()).toMatchObject({ failed: 0 });
  },
  LIMIT_MS,
);

/** When the certificates of the proxies that are connected expire, by proxy. */
async function expiries(): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await heddle.call(["proxy-status", "-o", "json"]);
  const proxies = JSON.parse(stdout) as readonly ProxyStatus[];
  return new Map(proxies.flatMap(({ id, certificate }) => (certificate ? [[id, certificate.expiresAt]] : [])));
}

test(
  "certificates are renewed under load, until those of the start have expired, without one failed request",
  async () => {
    const first = await expiries();
    expect(first.size).toBe(5);
    await until(async () => {
      const now = await expiries();
      return [...first].every(([id, expiresAt]) => now.get(id)! > expiresAt && Date.now() > expiresAt);
    });
    await afterRequests(RATE);
    expect(last()).toMatchObject({ failed: 0 });
  },
  LIMIT_MS,
);

test.skipIf(process.platform !== "linux")(
  "a program that crashes costs at most what it held",
  async () => {
    const { failed } = last();
    const lines = processesWith("MARK=v2-crashed").filter((line) => line.trimEnd().endsWith("app.ts"));
    const program = lines.find((line) => !line.includes(" run "));
    process.kill(Number.parseInt(program!, 10), "SIGKILL");
    await until(async () => (await readyPods()) === 4); // v1, the other two, the client
    await afterRequests(2 * RATE);
    expect(last().failed - failed).toBeLessThanOrEqual(CONNECTIONS);
  },
  LIMIT_MS,
);

test.skipIf(process.platform !== "linux")(
  "an instance that is killed, sidecar and all, costs at most what it held",
  async () => {
    const { failed } = last();
    for (const line of processesWith("MARK=v2-killed")) process.kill(Number.parseInt(line, 10), "SIGKILL");
    await until(async () => (await readyPods()) === 3); // v1, the last v2, the client
    await afterRequests(2 * RATE);
    expect(last().failed - failed).toBeLessThanOrEqual(CONNECTIONS);
  },
  LIMIT_MS,
);
