// The measurement itself: peers take turns for several rounds, so that whatever changes on the machine changes for all of them.

import { Failure } from "../src/base/failure.ts";
import type { ConstantRate, RoundsCase } from "./cases/case.ts";
import type { Lab } from "./lab.ts";
import { combine, type Measurement, measurementOf } from "./measurement.ts";
import { type RunningPeer, takeLogs } from "./peer.ts";
import { type CpuTime, compilerTime, cpuTime, type Memory, memory } from "./proc.ts";
import type { RateResult } from "./rate-load.ts";
import type { Result } from "./result.ts";
import { median } from "./statistics.ts";

/** Of load before each measured run: connections open, pools are filled. Memory is read in the middle of it. */
const WARM_UP_SECONDS = 1;
/**
 * Before a peer's first measured run, load goes on in bursts until its compiler is done. That of Bun shares the proxies' core, works for
 * the first 100,000 requests or so, and would be half of what is measured. Programs that bring machine code settle at once.
 */
const MAX_SETTLING_BURSTS = 10;
const MAX_COMPILING = 0.03;
/** Of the run over one connection, whatever the other takes. */
const ONE_CONNECTION_SECONDS = 1;

export interface RoundOptions {
  readonly rounds: number;
  /** Of each measured run. */
  readonly seconds: number;
}

interface Samples {
  readonly many: Measurement[];
  readonly one: Measurement[];
  readonly memory: Memory[];
  readonly rate: RateResult[];
  /** Bytes that each access log took. */
  logged: number[];
}

const seconds = ({ userSeconds, systemSeconds }: CpuTime): number => userSeconds + systemSeconds;
const pidsOf = (peer: Loaded): number[] => peer.proxies.map(({ pid }) => pid);

/** What settling needs of a peer. */
interface Loaded {
  readonly proxies: readonly { readonly pid: number }[];
  load(connections: number, seconds: number): Promise<unknown>;
}

async function warmUp(peer: RunningPeer, connections: number): Promise<Memory> {
  const load = peer.load(connections, WARM_UP_SECONDS);
  await Bun.sleep(WARM_UP_SECONDS * 500);
  const reading = memory(pidsOf(peer));
  await load;
  return reading;
}

/** CPU of the peer over one run of load. @throws Failure when not one request succeeded. */
export async function measure(peer: RunningPeer, connections: number, seconds: number): Promise<Measurement> {
  const before = cpuTime(pidsOf(peer));
  const load = await peer.load(connections, seconds);
  const after = cpuTime(pidsOf(peer));
  if (load.requests === 0) throw new Failure(`${peer.name}: not one request succeeded in ${seconds} s`);
  return measurementOf(load, {
    userSeconds: after.userSeconds - before.userSeconds,
    systemSeconds: after.systemSeconds - before.systemSeconds,
  });
}

export async function settle(peer: Loaded, connections: number, maxBursts = MAX_SETTLING_BURSTS): Promise<void> {
  const pids = pidsOf(peer);
  for (let burst = 0; burst < maxBursts; burst++) {
    const before = { all: seconds(cpuTime(pids)), compiling: seconds(compilerTime(pids)) };
    await peer.load(connections, WARM_UP_SECONDS);
    const spent = seconds(cpuTime(pids)) - before.all;
    if (seconds(compilerTime(pids)) - before.compiling <= MAX_COMPILING * spent) return;
  }
}

async function round(what: RoundsCase, peer: RunningPeer, samples: Samples, seconds: number): Promise<void> {
  if (samples.many.length === 0) await settle(peer, what.connections);
  samples.memory.push(await warmUp(peer, what.connections));
  samples.many.push(await measure(peer, what.connections, seconds));
  if (what.oneConnection) samples.one.push(await measure(peer, 1, ONE_CONNECTION_SECONDS));
  samples.logged = takeLogs(peer).map((size, i) => size + (samples.logged[i] ?? 0));
}

/** What the named peer can do, from the rounds before, decides the rate for it and for the first. */
async function roundsAtRate(
  { of, share }: ConstantRate,
  all: ReadonlyMap<RunningPeer, Samples>,
  { rounds, seconds }: RoundOptions,
): Promise<void> {
  const reference = [...all.keys()].find(({ name }) => name === of);
  const [first] = all.keys();
  const rate = share * median((reference && all.get(reference)?.many.map(({ rps }) => rps)) ?? []);
  for (let i = 0; i < rounds; i++)
    for (const peer of [first, reference])
      if (peer?.loadAtRate) all.get(peer)!.rate.push(await peer.loadAtRate(rate, seconds));
}

function rateOf(rates: readonly RateResult[]): Pick<Result, "atRate"> {
  if (rates.length === 0) return {};
  const of = (read: (rate: RateResult) => number) => median(rates.map(read));
  return {
    atRate: {
      rps: of(({ requests, seconds }) => requests / seconds),
      p50Us: of(({ p50Us }) => p50Us),
      p99Us: of(({ p99Us }) => p99Us),
    },
  };
}

function resultOf(peer: RunningPeer, samples: Samples): Result {
  const largest = (key: keyof Memory) => Math.max(...samples.memory.map((reading) => reading[key]));
  const { errors, ...figures } = combine(samples.many);
  const one = samples.one.length > 0 ? combine(samples.one) : undefined;
  return {
    name: peer.name,
    ...figures,
    residentBytes: largest("residentBytes"),
    privateBytes: largest("privateBytes"),
    errors: errors + (one?.errors ?? 0) + samples.rate.reduce((sum, rate) => sum + rate.errors, 0),
    readyMs: median(peer.readyMs),
    ...(peer.idlePrivateBytes === undefined ? {} : { idlePrivateBytes: peer.idlePrivateBytes }),
    ...(one ? { oneConnection: { cpuUs: one.cpuUs, rps: one.rps, p50Us: one.p50Us, p99Us: one.p99Us } } : {}),
    ...rateOf(samples.rate),
  };
}

/**
 * Runs all rounds of a case whose peers are up, and ends the peers.
 * @throws Failure when a peer did not write its access log, which all are configured to.
 */
export async function runRounds(
  lab: Lab,
  what: RoundsCase,
  peers: readonly RunningPeer[],
  { rounds, seconds }: RoundOptions,
): Promise<readonly Result[]> {
  const samples = new Map(
    peers.map((peer) => [peer, { many: [], one: [], memory: [], rate: [], logged: [] } as Samples]),
  );
  for (let i = 0; i < rounds; i++) for (const [peer, of] of samples) await round(what, peer, of, seconds);
  if (what.rate) await roundsAtRate(what.rate, samples, { rounds, seconds });
  await lab.stop(peers.flatMap(({ proxies, twin }) => (twin ? [...proxies, twin] : proxies)));
  for (const [peer, { logged }] of samples) {
    const total = takeLogs(peer).map((size, i) => size + (logged[i] ?? 0));
    if (total.includes(0)) throw new Failure(`${peer.name} wrote no access log: its figures would not be comparable`);
  }
  return [...samples].map(([peer, of]) => resultOf(peer, of));
}
