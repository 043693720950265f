// `npm run bench -- CASE… [--json]`: Heddle's proxy and its peers side by side on loopback, all with the same features on.
// The proxies share one core, the load generator and the application the other.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installComponents } from "../scripts/components.ts";
import { EXIT, Failure } from "../src/base/failure.ts";
import { type Arguments, type CaseName, DEFAULTS, readArguments } from "./arguments.ts";
import type { Case, FiguresCase, RoundsCase } from "./cases/case.ts";
import { connections } from "./cases/connections.ts";
import { control } from "./cases/control.ts";
import { grpc } from "./cases/grpc.ts";
import { hop } from "./cases/hop.ts";
import { http } from "./cases/http.ts";
import { mesh } from "./cases/mesh.ts";
import { routes } from "./cases/routes.ts";
import { scale } from "./cases/scale.ts";
import { stall } from "./cases/stall.ts";
import { tcp } from "./cases/tcp.ts";
import { Lab } from "./lab.ts";
import { describeMachine, versions } from "./machine.ts";
import { calibrate, judgeNoise } from "./noise.ts";
import { buildHeddle } from "./program.ts";
import { formatReport, type Report } from "./report.ts";
import { ratiosOf, roundedResult } from "./result.ts";
import { runRounds } from "./rounds.ts";
import { judgeRatios } from "./target.ts";

const CASES: Readonly<Record<CaseName, Case>> = {
  hop,
  mesh,
  grpc,
  "tcp-1m": tcp,
  "http-1m": http,
  connections,
  routes,
  stall,
  scale,
  control,
};
const RESULTS = join(import.meta.dir, "results");

/** Rounds take 30 to 90 s by default. What lasts longer than this hangs. */
const MAX_ROUNDS_MS = 150_000;

/** More rounds than the default, and longer ones, take longer in proportion. */
function limitOf(what: Case, { rounds, seconds }: Arguments): number {
  const usual = (DEFAULTS.seconds + 2) * DEFAULTS.rounds;
  if (what.kind === "rounds") return MAX_ROUNDS_MS * Math.max(1, (rounds * (seconds + 2)) / usual);
  return what.limitSeconds * 1_000 * Math.max(1, seconds / DEFAULTS.seconds);
}

type Outcome = Pick<Report, "results" | "ratios" | "figures" | "verdicts">;

async function measureRounds(what: RoundsCase, lab: Lab, options: Arguments): Promise<Outcome> {
  const results = await runRounds(lab, what, await what.start(lab), options);
  const ratios = ratiosOf(results);
  const verdicts = judgeRatios(results[0]?.name ?? "", ratios, what.targets);
  return { results: results.map(roundedResult), ratios, verdicts };
}

function measure(what: RoundsCase | FiguresCase, lab: Lab, options: Arguments): Promise<Outcome> {
  return what.kind === "rounds" ? measureRounds(what, lab, options) : what.measure(lab, options.seconds);
}

/** Runs one case in a lab of its own, of which nothing is left, however it ends. */
async function run(what: Case, options: Arguments): Promise<Report> {
  const lab = new Lab();
  const abort = (code: number, message?: string): void => {
    lab.close();
    if (message) process.stderr.write(`error: ${message}\n`);
    process.exit(code);
  };
  const onSignal = (): void => abort(130);
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  const limitMs = limitOf(what, options);
  const alarm = setTimeout(() => abort(EXIT.failure, `${what.name} took longer than ${limitMs / 1_000} s`), limitMs);
  try {
    lab.pinThisProcess();
    const before = await calibrate(lab);
    const outcome = await measure(what, lab, options);
    const noise = judgeNoise([...before, ...(await calibrate(lab))]);
    return {
      case: what.name,
      machine: describeMachine(noise),
      versions: versions(lab, what.components),
      ...outcome,
    };
  } finally {
    clearTimeout(alarm);
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    lab.close();
  }
}

function isSound(report: Report): boolean {
  return (report.results ?? []).every(({ errors }) => errors === 0);
}

async function main(args: readonly string[]): Promise<number> {
  const options = readArguments(args);
  if (process.platform !== "linux")
    throw new Failure("the benchmarks need Linux: CPU time and memory are read from /proc");
  buildHeddle();
  let code: number = EXIT.ok;
  for (const name of options.cases) {
    const what = CASES[name];
    await installComponents(what.components);
    const report = await run(what, options);
    const json = `${JSON.stringify(report, null, 2)}\n`;
    process.stdout.write(options.json ? json : `${formatReport(report, what.describes)}\n`);
    if (!isSound(report)) code = EXIT.failure;
    else if (options.seconds >= DEFAULTS.seconds && options.rounds >= DEFAULTS.rounds) {
      mkdirSync(RESULTS, { recursive: true });
      writeFileSync(join(RESULTS, `${name}.json`), json);
    } else process.stderr.write(`not recorded: a record takes ${DEFAULTS.rounds} rounds of ${DEFAULTS.seconds} s\n`);
  }
  return code;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  const { message, hint, exit } = Failure.from(thrown);
  process.stderr.write(`error: ${message}\n${hint === undefined ? "" : `  try: ${hint}\n`}`);
  process.exitCode = exit;
}
