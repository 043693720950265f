// `connections`: what 5,000 clients cost that wait. One plaintext hop; each has made one request.

import { join } from "node:path";
import type { Subprocess } from "bun";
import { Failure } from "../../src/base/failure.ts";
import { startBackend } from "../backend.ts";
import { hopBootstrap } from "../configuration/hop.ts";
import { PATH, type Program } from "../configuration/parts.ts";
import { type Figure, figure } from "../figure.ts";
import type { Lab } from "../lab.ts";
import { bootstrapCommand, proveFeatures, startProxy } from "../peer.ts";
import { memory } from "../proc.ts";
import { verdict } from "../target.ts";
import type { FiguresCase } from "./case.ts";

const CLIENT = join(import.meta.dir, "..", "idle-connections.ts");
const CONNECTIONS = 5_000;
/** Twice that and what a proxy has open besides: connections to the application could be as many. */
const DESCRIPTORS = 2 * CONNECTIONS + 1_024;
/** Collectors and allocators give back what the connections cost while they were opened. */
const SETTLE_MS = 3_000;
const OPEN_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

interface Held {
  readonly client: Subprocess;
  readonly output: string;
}

function openConnections(lab: Lab, name: string, port: number): Held {
  const output = join(lab.folder, `${name}-connections.json`);
  const command = [process.execPath, CLIENT, String(port), String(CONNECTIONS), PATH];
  const options = { core: "client", output, descriptors: DESCRIPTORS } as const;
  return { client: lab.start(`${name}-connections`, command, options), output };
}

/** @throws Failure when one of them was not answered. */
async function allOpen({ output }: Held, name: string): Promise<void> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < OPEN_TIMEOUT_MS) {
    const text = await Bun.file(output).text();
    if (text.endsWith("\n")) {
      const { open, errors } = JSON.parse(text) as { open: number; errors: number };
      if (open === CONNECTIONS && errors === 0) return;
      throw new Failure(`${name}: ${open} of ${CONNECTIONS} connections are open, ${errors} failed`);
    }
    await Bun.sleep(POLL_MS);
  }
  throw new Failure(`${name}: ${CONNECTIONS} connections were not open after ${OPEN_TIMEOUT_MS / 1_000} s`);
}

async function measurePeer(lab: Lab, program: Program, backend: number): Promise<readonly Figure[]> {
  const [listen = 0, admin = 0] = lab.ports(2);
  const message = hopBootstrap({ listen, admin, backend }, join(lab.folder, `${program}.log`), program);
  const command = bootstrapCommand(lab, program, program, message);
  const { child } = await startProxy(lab, { name: program, command, adminPort: admin, descriptors: DESCRIPTORS });
  await proveFeatures(program, listen, PATH, ["x-request-id", "traceparent"]);
  await Bun.sleep(SETTLE_MS);
  const before = memory([child.pid]);
  const held = openConnections(lab, program, listen);
  await allOpen(held, program);
  const opened = memory([child.pid]);
  await Bun.sleep(SETTLE_MS);
  const idle = memory([child.pid]);
  await allOpen(held, program);
  await lab.stop([child, held.client]);
  return [
    figure(program, "resident without connections", before.residentBytes / 1e6, "MB"),
    figure(program, "resident just opened", opened.residentBytes / 1e6, "MB"),
    figure(program, "resident", idle.residentBytes / 1e6, "MB"),
    figure(program, "private", idle.privateBytes / 1e6, "MB"),
    figure(program, "a connection", (idle.residentBytes - before.residentBytes) / CONNECTIONS / 1e3, "KB"),
  ];
}

export const connections: FiguresCase = {
  kind: "figures",
  name: "connections",
  describes: `${CONNECTIONS.toLocaleString("en")} idle keep-alive connections to one proxy, in plaintext, after one request each`,
  components: ["envoy", "nginx"],
  limitSeconds: 120,
  async measure(lab) {
    const backend = await startBackend(lab);
    const figures: Figure[] = [];
    for (const program of ["heddle", "envoy"] as const) figures.push(...(await measurePeer(lab, program, backend)));
    const resident = (program: Program) =>
      figures.find(({ subject, name }) => subject === program && name === "resident")?.value ?? Number.NaN;
    return { figures, verdicts: [verdict("resident, heddle/envoy", resident("heddle") / resident("envoy"), "", 1)] };
  },
};
