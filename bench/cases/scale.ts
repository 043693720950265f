// `scale`: one proxy of 1, 2 and 4 processes (threads, for Envoy) on two cores, which it shares with the load and the application.

import { join } from "node:path";
import type { Subprocess } from "bun";
import { Failure } from "../../src/base/failure.ts";
import { startBackend } from "../backend.ts";
import { hopBootstrap } from "../configuration/hop.ts";
import { PATH, type Program } from "../configuration/parts.ts";
import { figure } from "../figure.ts";
import type { Lab } from "../lab.ts";
import type { LoadResult } from "../measurement.ts";
import { bootstrapCommand, proveFeatures, startProxy } from "../peer.ts";
import { withChildren } from "../proc.ts";
import { heddleCommand } from "../program.ts";
import { settle } from "../rounds.ts";
import { median } from "../statistics.ts";
import { verdict } from "../target.ts";
import { runWrk } from "../wrk.ts";
import type { FiguresCase } from "./case.ts";

const CONCURRENCY = [1, 2, 4] as const;
const CONNECTIONS = 64;
const THREADS = 2;
const ROUNDS = 3;
/**
 * Of a second each, until every process has compiled what it runs: that takes each some 100,000 requests, four of them share two cores, and
 * what they had not compiled yet was most of what was measured.
 */
const MAX_SETTLING_BURSTS = 25;

interface Measured {
  readonly program: Program;
  readonly name: string;
  readonly child: Subprocess;
  readonly concurrency: number;
  load(connections: number, seconds: number): Promise<LoadResult>;
  readonly rates: number[];
}

/** @throws Failure that says so when this build of Heddle has no `--concurrency`. */
function proveConcurrency(): void {
  const command = [...heddleCommand(), "proxy", "--concurrency", "2"];
  const { stderr } = Bun.spawnSync(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  if (stderr.toString().includes("unknown argument"))
    throw new Failure("this build of heddle proxy has no --concurrency: there is nothing to measure yet");
}

async function start(lab: Lab, program: Program, backend: number, concurrency: number): Promise<Measured> {
  const name = `${program}-${concurrency}`;
  const [listen = 0, admin = 0] = lab.ports(2);
  const message = hopBootstrap({ listen, admin, backend }, join(lab.folder, `${name}.log`), program);
  const command = bootstrapCommand(lab, program, name, message, concurrency);
  const { child } = await startProxy(lab, { name, command, adminPort: admin, core: "both" });
  await proveFeatures(name, listen, PATH, ["x-request-id", "traceparent"]);
  const url = `http://127.0.0.1:${listen}${PATH}`;
  const load = (connections: number, time: number) => runWrk(lab, url, connections, time, { threads: THREADS });
  return { program, name, child, concurrency, load, rates: [] };
}

async function round(peer: Measured, seconds: number): Promise<void> {
  const { requests, seconds: took, errors } = await peer.load(CONNECTIONS, seconds);
  if (errors > 0) throw new Failure(`${peer.name}: ${errors} errors`);
  peer.rates.push(requests / took);
}

/** Of the rounds, in each of which the two were measured one after the other. */
function medianRatio(a: Measured | undefined, b: Measured | undefined): number {
  return median(a?.rates.map((rate, i) => rate / (b?.rates[i] ?? Number.NaN)) ?? []);
}

export const scale: FiguresCase = {
  kind: "figures",
  name: "scale",
  describes: "one plaintext hop through 1, 2 and 4 processes on two cores, which the load and the application share",
  components: ["envoy", "nginx", "wrk"],
  limitSeconds: 150,
  async measure(lab, seconds) {
    proveConcurrency();
    const backend = await startBackend(lab, "both");
    const peers: Measured[] = [];
    for (const program of ["heddle", "envoy"] as const)
      for (const concurrency of CONCURRENCY) {
        const peer = await start(lab, program, backend, concurrency);
        const proxies = withChildren(peer.child.pid).map((pid) => ({ pid }));
        await settle({ proxies, load: peer.load }, CONNECTIONS, MAX_SETTLING_BURSTS);
        peers.push(peer);
      }
    for (let i = 0; i < ROUNDS; i++) for (const peer of peers) await round(peer, seconds);
    const of = (processes: number) =>
      peers.find(({ program, concurrency }) => program === "heddle" && concurrency === processes);
    return {
      figures: peers.map(({ program, concurrency, rates }) =>
        figure(program, `with ${concurrency}`, median(rates), "requests/s"),
      ),
      verdicts: [
        verdict("requests/s, 1 process over 2", medianRatio(of(1), of(2)), "", 1),
        verdict("4 processes, difference from 2", Math.abs(medianRatio(of(4), of(2)) - 1) * 100, "%", 5),
      ],
    };
  },
};
