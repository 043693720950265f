// `scale`: one proxy of 1, 2 and 4 processes (threads, for Envoy) on two cores, which it shares with the load and the application.

import { join } from "node:path";
import { Failure } from "../../src/base/failure.ts";
import { startBackend } from "../backend.ts";
import { hopBootstrap } from "../configuration/hop.ts";
import { PATH, type Program } from "../configuration/parts.ts";
import { type Figure, figure } from "../figure.ts";
import type { Lab } from "../lab.ts";
import { bootstrapCommand, proveFeatures, startProxy } from "../peer.ts";
import { heddleCommand } from "../program.ts";
import { median } from "../statistics.ts";
import { verdict } from "../target.ts";
import { runWrk } from "../wrk.ts";
import type { FiguresCase } from "./case.ts";

const CONCURRENCY = [1, 2, 4] as const;
const CONNECTIONS = 64;
const THREADS = 2;
const WARM_UP_SECONDS = 3;
const ROUNDS = 3;

/** @throws Failure that says so when this build of Heddle has no `--concurrency`. */
function proveConcurrency(): void {
  const command = [...heddleCommand(), "proxy", "--concurrency", "2"];
  const { stderr } = Bun.spawnSync(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  if (stderr.toString().includes("unknown argument"))
    throw new Failure("this build of heddle proxy has no --concurrency: there is nothing to measure yet");
}

async function measureOne(lab: Lab, program: Program, backend: number, concurrency: number, seconds: number) {
  const name = `${program}-${concurrency}`;
  const [listen = 0, admin = 0] = lab.ports(2);
  const message = hopBootstrap({ listen, admin, backend }, join(lab.folder, `${name}.log`), program);
  const command = bootstrapCommand(lab, program, name, message, concurrency);
  const { child } = await startProxy(lab, { name, command, adminPort: admin, core: "both" });
  await proveFeatures(name, listen, PATH, ["x-request-id", "traceparent"]);
  const load = (time: number) =>
    runWrk(lab, `http://127.0.0.1:${listen}${PATH}`, CONNECTIONS, time, { threads: THREADS });
  await load(WARM_UP_SECONDS);
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { requests, seconds: took, errors } = await load(seconds);
    if (errors > 0) throw new Failure(`${name}: ${errors} errors`);
    rates.push(requests / took);
  }
  await lab.stop([child]);
  return median(rates);
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
    const figures: Figure[] = [];
    for (const program of ["heddle", "envoy"] as const)
      for (const concurrency of CONCURRENCY) {
        const rps = await measureOne(lab, program, backend, concurrency, seconds);
        figures.push(figure(program, `with ${concurrency}`, rps, "requests/s"));
      }
    const [one = Number.NaN, two = Number.NaN, four = Number.NaN] = figures
      .filter(({ subject }) => subject === "heddle")
      .map(({ value }) => value);
    return {
      figures,
      verdicts: [
        verdict("requests/s, 1 process over 2", one / two, "", 1),
        verdict("4 processes, difference from 2", Math.abs(four / two - 1) * 100, "%", 5),
      ],
    };
  },
};
