// `stall`: what waits while the event loop is busy otherwise. Requests at half of what the proxy can do, when nothing else happens, during
// an update of all routes, and during a storm of handshakes.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../src/base/failure.ts";
import { startBackend } from "../backend.ts";
import { clientBootstrap, serverBootstrap } from "../configuration/mesh.ts";
import { PATH, type Program } from "../configuration/parts.ts";
import { startDiscovered } from "../discovered-peer.ts";
import { snapshotOf } from "../discovery.ts";
import { type Figure, figure } from "../figure.ts";
import { makeCertificates, serverName } from "../identity.ts";
import type { Lab } from "../lab.ts";
import { type Rate, runRate } from "../rate.ts";
import type { RateResult } from "../rate-load.ts";
import { fullRoutes, LARGE, oneRoute } from "../route-tables.ts";
import { type PairSpec, startPair } from "../sidecars.ts";
import { type Verdict, verdict } from "../target.ts";
import { runWrk } from "../wrk.ts";
import type { FiguresCase } from "./case.ts";

const HANDSHAKES = 5_000;
const HANDSHAKES_AT_ONCE = 64;
const HANDSHAKE_LOAD = join(import.meta.dir, "..", "handshake-load.ts");
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 3;
const MOST = 3;
/** The load has begun by then. */
const BEFORE_MS = 300;
const HTTP_PORT = 80;

interface Disturbed {
  readonly rate: number;
  readonly quietMs: number;
  readonly disturbedMs: number;
}

function sound(name: string, { errors, p99Us }: RateResult): number {
  if (errors > 0) throw new Failure(`${name}: ${errors} requests failed`);
  return p99Us / 1_000;
}

/** `disturb` runs while the load does; what it takes longer, the load goes on for. */
async function measureDisturbed(
  lab: Lab,
  name: string,
  port: number,
  seconds: number,
  disturb: () => Promise<unknown>,
): Promise<Disturbed> {
  const url = `http://127.0.0.1:${port}${PATH}`;
  await runWrk(lab, url, CONNECTIONS, WARM_UP_SECONDS);
  const { requests, seconds: took } = await runWrk(lab, url, CONNECTIONS, seconds);
  const rate: Rate = { port, path: PATH, connections: CONNECTIONS, perSecond: requests / took / 2 };
  const quietMs = sound(name, await runRate(lab, rate, seconds));
  const loaded = runRate(lab, rate, seconds);
  await Bun.sleep(BEFORE_MS);
  await disturb();
  const disturbedMs = sound(name, await loaded);
  return { rate: rate.perSecond, quietMs, disturbedMs };
}

function figuresOf(program: Program, what: string, { rate, quietMs, disturbedMs }: Disturbed): Figure[] {
  const subject = `${program}, ${what}`;
  return [
    figure(subject, "half load", rate, "requests/s"),
    figure(subject, "p99 quiet", quietMs, "ms"),
    figure(subject, "p99 meanwhile", disturbedMs, "ms"),
    figure(subject, "times", disturbedMs / quietMs, ""),
  ];
}

async function duringUpdate(lab: Lab, program: Program, backend: number, seconds: number): Promise<Figure[]> {
  const name = `${program}-update`;
  const script = join(lab.folder, "none.lua");
  writeFileSync(script, "");
  const peer = await startDiscovered(lab, name, program, backend, oneRoute(), script);
  const full = fullRoutes(LARGE);
  const disturbed = await measureDisturbed(lab, name, peer.port, seconds, () =>
    peer.discovery.publish(snapshotOf(full, "full")),
  );
  await lab.stop(peer.proxies);
  peer.discovery.stop();
  return figuresOf(program, "update", disturbed);
}

async function storm(lab: Lab, name: string, port: number, certificates: string): Promise<void> {
  const files = ["client.crt", "client.key", "root.crt"].map((file) => join(certificates, file));
  const numbers = [port, HANDSHAKES, HANDSHAKES_AT_ONCE].map(String);
  const command = [process.execPath, HANDSHAKE_LOAD, ...numbers, serverName(HTTP_PORT), ...files];
  const { done, errors } = JSON.parse(await lab.output(command)) as { done: number; errors: number };
  if (done !== HANDSHAKES || errors > 0) throw new Failure(`${name}: ${errors} of ${HANDSHAKES} handshakes failed`);
}

async function duringHandshakes(lab: Lab, program: Program, application: number, seconds: number): Promise<Figure[]> {
  const name = `${program}-handshakes`;
  const certificates = lab.subfolder("certificates");
  const client: PairSpec["client"] = (ports, files) => clientBootstrap(ports, files, program, "h2");
  const server: PairSpec["server"] = (ports, files) => serverBootstrap(ports, files, program, "http/1.1");
  const pair = await startPair(lab, { name, program, client, server, certificates, application });
  const disturbed = await measureDisturbed(lab, name, pair.port, seconds, () =>
    storm(lab, name, pair.mesh, certificates),
  );
  await lab.stop(pair.proxies.map(({ child }) => child));
  return figuresOf(program, "handshakes", disturbed);
}

function judge(figures: readonly Figure[]): readonly Verdict[] {
  return ["update", "handshakes"].map((what) => {
    const times = figures.find(({ subject, name }) => subject === `heddle, ${what}` && name === "times")?.value;
    return verdict(`p99 during ${what}, over the quiet p99`, times ?? Number.NaN, "", MOST);
  });
}

export const stall: FiguresCase = {
  kind: "figures",
  name: "stall",
  describes: `p99 at half load while all routes are replaced (36 MB), and during ${HANDSHAKES.toLocaleString("en")} handshakes`,
  components: ["envoy", "nginx", "wrk", "openssl"],
  limitSeconds: 240,
  async measure(lab, seconds) {
    const backend = await startBackend(lab);
    makeCertificates(lab.program("openssl"), lab.subfolder("certificates"));
    const figures: Figure[] = [];
    for (const program of ["heddle", "envoy"] as const) {
      figures.push(...(await duringUpdate(lab, program, backend, seconds)));
      figures.push(...(await duringHandshakes(lab, program, backend, seconds)));
    }
    return { figures, verdicts: judge(figures) };
  },
};
