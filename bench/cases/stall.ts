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
import type { RunningPeer } from "../peer.ts";
import { type Rate, runRate } from "../rate.ts";
import type { RateResult } from "../rate-load.ts";
import { settle } from "../rounds.ts";
import { fullRoutes, LARGE, oneRoute } from "../route-tables.ts";
import { type PairSpec, startPair } from "../sidecars.ts";
import { type Verdict, verdict } from "../target.ts";
import { TurnRecording, turnFigures } from "../turns.ts";
import { runWrk } from "../wrk.ts";
import type { FiguresCase } from "./case.ts";

const HANDSHAKES = 5_000;
const HANDSHAKES_AT_ONCE = 64;
const HANDSHAKE_LOAD = join(import.meta.dir, "..", "handshake-load.ts");
const CONNECTIONS = 64;
/** Of the load generator, before what it sees counts. */
const WARM_UP_SECONDS = 1;
const MOST = 3;
/** After its warming up the load counts, and what disturbs begins. */
const BEFORE_MS = WARM_UP_SECONDS * 1_000 + 300;
/** Nothing that disturbs takes longer. */
const MOST_SECONDS = 60;
const HTTP_PORT = 80;

interface Disturbed {
  readonly rate: number;
  readonly quietMs: number;
  readonly disturbedMs: number;
  /** Of what disturbed. */
  readonly figures: readonly Figure[];
}

/** A proxy, or a pair, that takes load. */
interface Loaded {
  readonly name: string;
  readonly port: number;
  readonly proxies: RunningPeer["proxies"];
}

function sound(name: string, { errors, p99Us }: RateResult): number {
  if (errors > 0) throw new Failure(`${name}: ${errors} requests failed`);
  return p99Us / 1_000;
}

interface Disturbance {
  /** Before the load. */
  prepare?(): void;
  /** While the load runs, which goes on until it is over. */
  happen(): Promise<readonly Figure[]>;
  /** After the load. */
  tell?(): readonly Figure[];
}

async function measureDisturbed(lab: Lab, peer: Loaded, seconds: number, disturbance: Disturbance): Promise<Disturbed> {
  const { name, port } = peer;
  const url = `http://127.0.0.1:${port}${PATH}`;
  await settle({ ...peer, load: (connections, time) => runWrk(lab, url, connections, time) }, CONNECTIONS);
  const { requests, seconds: took } = await runWrk(lab, url, CONNECTIONS, seconds);
  const rate: Rate = { port, path: PATH, connections: CONNECTIONS, perSecond: requests / took / 2 };
  const warm = { warmUpSeconds: WARM_UP_SECONDS };
  const quietMs = sound(name, await runRate(lab, rate, seconds, warm));
  disturbance.prepare?.();
  const disturbing = Bun.sleep(BEFORE_MS).then(() => disturbance.happen());
  const disturbedMs = sound(name, await runRate(lab, rate, MOST_SECONDS, { ...warm, until: disturbing }));
  const figures = [...(await disturbing), ...(disturbance.tell?.() ?? [])];
  return { rate: rate.perSecond, quietMs, disturbedMs, figures };
}

function figuresOf(program: Program, what: string, { rate, quietMs, disturbedMs, figures }: Disturbed): Figure[] {
  const subject = `${program}, ${what}`;
  return [
    figure(subject, "half load", rate, "requests/s"),
    figure(subject, "p99 quiet", quietMs, "ms"),
    figure(subject, "p99 meanwhile", disturbedMs, "ms"),
    figure(subject, "times", disturbedMs / quietMs, ""),
    ...figures,
  ];
}

async function duringUpdate(lab: Lab, program: Program, backend: number, seconds: number): Promise<Figure[]> {
  const name = `${program}-update`;
  const script = join(lab.folder, "none.lua");
  writeFileSync(script, "");
  const peer = await startDiscovered(lab, name, program, backend, oneRoute(), script);
  const next = snapshotOf(fullRoutes(LARGE), "full");
  const subject = `${program}, update`;
  let recording: TurnRecording | undefined;
  const disturbed = await measureDisturbed(lab, peer, seconds, {
    prepare() {
      recording = TurnRecording.prepare(peer.proxies[0]!.pid);
    },
    async happen() {
      recording?.begin();
      const appliedMs = await lab.standBack(() => peer.discovery.publish(next));
      recording?.end();
      return [figure(subject, "applied", appliedMs, "ms")];
    },
    tell: () => turnFigures(subject, recording),
  });
  await lab.stop(peer.proxies);
  peer.discovery.stop();
  return figuresOf(program, "update", disturbed);
}

/** @returns seconds that it took. It has what of the load generator's core is left: the storm must not be what delays the load. */
async function storm(lab: Lab, name: string, port: number, certificates: string): Promise<number> {
  const files = ["client.crt", "client.key", "root.crt"].map((file) => join(certificates, file));
  const numbers = [port, HANDSHAKES, HANDSHAKES_AT_ONCE].map(String);
  const command = [process.execPath, HANDSHAKE_LOAD, ...numbers, serverName(HTTP_PORT), ...files];
  const output = await lab.output(command, "client", { precedence: "last" });
  const { done, errors, seconds } = JSON.parse(output) as { done: number; errors: number; seconds: number };
  if (done !== HANDSHAKES || errors > 0) throw new Failure(`${name}: ${errors} of ${HANDSHAKES} handshakes failed`);
  return seconds;
}

async function duringHandshakes(lab: Lab, program: Program, application: number, seconds: number): Promise<Figure[]> {
  const name = `${program}-handshakes`;
  const certificates = lab.subfolder("certificates");
  const client: PairSpec["client"] = (ports, files) => clientBootstrap(ports, files, program, "h2");
  const server: PairSpec["server"] = (ports, files) => serverBootstrap(ports, files, program, "http/1.1");
  const pair = await startPair(lab, { name, program, client, server, certificates, application });
  const proxies = pair.proxies.map(({ child }) => child);
  const disturbed = await measureDisturbed(lab, { name, port: pair.port, proxies }, seconds, {
    async happen() {
      const took = await storm(lab, name, pair.mesh, certificates);
      return [figure(`${program}, handshakes`, "handshakes", HANDSHAKES / took, "handshakes/s")];
    },
  });
  await lab.stop(proxies);
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
