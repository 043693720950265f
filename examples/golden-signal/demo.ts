// `npm run demo`: the mesh with golden-signal in two versions, live; with --once a bounded load and its report.

import { buildDashboard } from "../../dashboard/build.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { EXIT, Failure } from "../../src/base/failure.ts";
import { nearest } from "../../src/base/nearest.ts";
import { failureText } from "../../src/cli/failure-report.ts";
import { keepLoopbackDirect } from "../../src/cli/loopback.ts";
import { styleOf } from "../../src/cli/terminal.ts";
import type { LoadReport } from "./client.ts";
import { legsBetween, settledLegs } from "./demo/legs.ts";
import { DemoMesh, VERSIONS } from "./demo/mesh.ts";
import { plaintextRefused } from "./demo/plaintext.ts";
import { type Report, reportOf, reportText } from "./demo/report.ts";
import { Screen } from "./demo/screen.ts";

const REQUESTS = 2_000;
const ONCE_CONNECTIONS = 16;
const LIVE_CONNECTIONS = 8;
const LIVE_RATE = 100;
/** Of --once, teardown aside: beyond it something hangs, and the report says what. */
const ONCE_TIMEOUT_MS = 60_000;
const PARENT_POLL_MS = 500;

interface Options {
  readonly once: boolean;
  readonly json: boolean;
  readonly client: ProxyKind;
  readonly server: ProxyKind;
}

const USAGE = "npm run demo -- [--once] [--json] [--client heddle|envoy] [--server heddle|envoy]";
const FLAGS = ["--once", "--json", "--client", "--server"];

function readOptions(args: readonly string[]): Options {
  let options: Options = { once: false, json: false, client: "heddle", server: "heddle" };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--once") options = { ...options, once: true };
    else if (arg === "--json") options = { ...options, json: true };
    else if (arg === "--client" || arg === "--server") {
      const kind = args[++i];
      if (kind !== "heddle" && kind !== "envoy") {
        throw new Failure(`${arg} is heddle or envoy: ${JSON.stringify(kind ?? "")}`, {
          hint: USAGE,
          exit: EXIT.usage,
        });
      }
      options = { ...options, [arg.slice(2)]: kind };
    } else {
      throw new Failure(`unknown argument ${JSON.stringify(arg)}`, {
        hint: nearest(arg, FLAGS) ?? USAGE,
        exit: EXIT.usage,
      });
    }
  }
  return options;
}

/** Control plane, services and documents: everything but the load. */
async function startMesh(mesh: DemoMesh): Promise<void> {
  await mesh.startControlPlane();
  mesh.startService("v1", { LATENCY_MS: "4" });
  mesh.startService("v2", { LATENCY_MS: "6" });
  await mesh.untilReady(VERSIONS.length);
  await mesh.apply();
  await mesh.untilInForce();
}

/** Client and servers among the members. */
async function parties(mesh: DemoMesh) {
  const members = await mesh.members();
  const servers = members.filter(({ app }) => app === "golden-signal");
  return { members, servers, client: members.find(({ app }) => app === "client") };
}

async function once(mesh: DemoMesh): Promise<Report> {
  await startMesh(mesh);
  const { promise: done, resolve } = Promise.withResolvers<LoadReport>();
  mesh.startClient({
    connections: ONCE_CONNECTIONS,
    rate: 0,
    requests: REQUESTS,
    onReport: (report) => void (report.kind === "done" && resolve(report)),
  });
  const load = await done;
  const { client, servers } = await parties(mesh);
  const legs = client ? await settledLegs(client, servers, load.requests - load.failed) : [];
  return reportOf({ load, legs, plaintextRefused: await plaintextRefused(servers) }, REQUESTS);
}

/** Draws until `ended` resolves. Rejects when a process of the mesh ends by itself. */
async function live(mesh: DemoMesh, ended: Promise<void>): Promise<void> {
  const startedAt = performance.now();
  let load: LoadReport | undefined;
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await startMesh(mesh);
  mesh.startClient({
    connections: LIVE_CONNECTIONS,
    rate: LIVE_RATE,
    requests: 0,
    onReport: (report) => {
      load = report;
    },
  });
  await mesh.untilReady(VERSIONS.length + 1);
  const screen = new Screen(process.stdout, styleOf(process.stdout));
  try {
    while (!over) {
      const { members, servers, client } = await parties(mesh);
      const legs = client ? (await legsBetween(client, servers)).map(({ leg }) => leg) : [];
      screen.draw({ mesh, members, legs, load, upMs: performance.now() - startedAt });
      mesh.requireRunning();
      await Promise.race([ended, Bun.sleep(1_000)]);
    }
  } finally {
    screen.close();
  }
}

/** Resolves at Ctrl-C, at SIGTERM, and when whoever started this is gone: nothing may stay behind. */
function untilAskedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
    const parent = process.ppid;
    setInterval(() => void (process.ppid !== parent && resolve()), PARENT_POLL_MS).unref();
  });
}

async function timeout(): Promise<never> {
  await Bun.sleep(ONCE_TIMEOUT_MS);
  throw new Failure(`the demo did not come to its end within ${ONCE_TIMEOUT_MS / 1_000} s`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  keepLoopbackDirect();
  const ended = untilAskedToEnd();
  const interrupted = ended.then((): never => {
    throw new Failure("interrupted");
  });
  interrupted.catch(() => {}); // of no concern once the report is there
  const mesh = new DemoMesh({ usualPorts: !options.once, proxies: options });
  try {
    if (options.once) {
      const report = await Promise.race([once(mesh), timeout(), interrupted]);
      const text = options.json ? JSON.stringify(report) : reportText(report, REQUESTS, styleOf(process.stdout));
      process.stdout.write(`${text}\n`);
      if (!report.ok) process.exitCode = EXIT.failure;
    } else {
      process.stderr.write("starting the mesh …\n");
      await buildDashboard();
      await Promise.race([live(mesh, ended), ended]);
    }
  } finally {
    await mesh.stop();
  }
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`${failureText(thrown, styleOf(process.stderr), false)}\n`);
  process.exitCode = Failure.from(thrown).exit;
}
process.exit();
