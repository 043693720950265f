// The caller of golden-signal: some connections that are kept alive, a rate, and a line of JSON a second about what came back.
// It calls a plain URL; `http_proxy`, which `heddle run` sets, is how it reaches the mesh.

import { Latencies, type Percentiles } from "./latencies.ts";

/** What is known of one version's answers. */
export interface VersionReport {
  readonly requests: number;
  readonly latencyMs: Percentiles;
}

/** A line of standard output. `requests` and `failed` since the start; versions over the window, or over all at the end. */
export interface LoadReport {
  readonly kind: "progress" | "done";
  readonly requests: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly versions: Readonly<Record<string, VersionReport>>;
  /** Why the last failed request failed. */
  readonly lastFailure?: string;
}

/** Seconds that a progress line looks back on. */
const WINDOW = 10;

function numberFrom(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (value >= 0 && Number.isFinite(value)) return value;
  console.error(`client: ${name} must be a number of at least 0: ${JSON.stringify(process.env[name])}`);
  process.exit(64);
}

const url = process.env.URL ?? "http://golden-signal/";
const connections = Math.max(1, numberFrom("CONNECTIONS", 8));
/** Requests a second, 0 for as many as are answered. */
const rate = numberFrom("RATE", 0);
/** When to stop, 0 for never. */
const limit = numberFrom("REQUESTS", 0);
/** After the last request it waits for a signal, so that its sidecar can still be asked. */
const stays = process.env.STAY === "1";

type Second = Map<string, Latencies>;

const all: Second = new Map();
const window: Second[] = [new Map()];
let sent = 0;
let failed = 0;
let lastFailure: string | undefined;
let stopping = false;

function count(into: Second, version: string, ms: number): void {
  const latencies = into.get(version) ?? new Latencies();
  into.set(version, latencies);
  latencies.add(ms);
}

async function call(): Promise<void> {
  const startedAt = performance.now();
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.arrayBuffer();
    const version = response.headers.get("x-golden-signal-version") ?? "none";
    if (!response.ok) throw new Error(`HTTP status ${response.status} from ${version}`);
    const ms = performance.now() - startedAt;
    count(all, version, ms);
    count(window[0]!, version, ms);
  } catch (error) {
    failed++;
    lastFailure = error instanceof Error ? error.message : String(error);
  }
}

/** One connection's worth of requests, spread evenly when there is a rate. */
async function work(index: number): Promise<void> {
  const intervalMs = rate > 0 ? (1_000 * connections) / rate : 0;
  let due = performance.now() + (intervalMs * index) / connections;
  while (!stopping && (limit === 0 || sent < limit)) {
    const waitMs = due - performance.now();
    if (waitMs > 0) await Bun.sleep(waitMs);
    if (stopping || (limit > 0 && sent >= limit)) return;
    // After a stall the rate goes on from now: what was missed is not caught up with.
    due = Math.max(due, performance.now() - intervalMs) + intervalMs;
    sent++;
    await call();
  }
}

function merged(seconds: readonly Second[]): Readonly<Record<string, VersionReport>> {
  const versions = new Map<string, Latencies>();
  for (const second of seconds) {
    for (const [version, latencies] of second) {
      const sum = versions.get(version) ?? new Latencies();
      sum.merge(latencies);
      versions.set(version, sum);
    }
  }
  return Object.fromEntries(
    [...versions]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([version, latencies]) => [version, { requests: latencies.count, latencyMs: latencies.percentiles() }]),
  );
}

function answered(seconds: readonly Second[]): number {
  return seconds.reduce((sum, second) => sum + [...second.values()].reduce((part, { count: n }) => part + n, 0), 0);
}

function report(kind: LoadReport["kind"], versions: LoadReport["versions"], perSecond: number): void {
  const line: LoadReport = {
    kind,
    requests: answered([all]) + failed,
    failed,
    perSecond: Math.round(perSecond * 10) / 10,
    versions,
    ...(lastFailure === undefined ? {} : { lastFailure }),
  };
  console.log(JSON.stringify(line));
}

const startedAt = performance.now();
const ticker = setInterval(() => {
  report("progress", merged(window), answered(window) / window.length);
  window.unshift(new Map());
  window.length = Math.min(window.length, WINDOW);
}, 1_000);
const signalled = new Promise<void>((resolve) => {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      stopping = true;
      resolve();
    });
  }
});

await Promise.all(Array.from({ length: connections }, (_, index) => work(index)));
clearInterval(ticker);
report("done", merged([all]), answered([all]) / ((performance.now() - startedAt) / 1_000));
if (stays) await signalled;
process.exit(0);
