// `routes`: a mesh of 5,000 virtual hosts with 20 routes each, in one proxy: what a request costs, and what a change does.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../src/base/failure.ts";
import type { Resource } from "../../src/xds/resource.ts";
import { startBackend } from "../backend.ts";
import { PATH, type Program } from "../configuration/parts.ts";
import { type DiscoveredPeer, startDiscovered } from "../discovered-peer.ts";
import { snapshotOf } from "../discovery.ts";
import { type Figure, figure } from "../figure.ts";
import type { Lab } from "../lab.ts";
import { takeLogs } from "../peer.ts";
import { probe, runRate } from "../rate.ts";
import { measure, settle } from "../rounds.ts";
import { discoveredHosts, domainOf, fullRoutes, hostResource, LARGE, oneRoute } from "../route-tables.ts";
import { median } from "../statistics.ts";
import { type Verdict, verdict } from "../target.ts";
import { LONGEST_TURN, TurnRecording, turnFigures } from "../turns.ts";
import type { FiguresCase } from "./case.ts";

const CONNECTIONS = 64;
const ROUNDS = 3;
const CHANGES = 5;
/** No update takes longer. */
const UPDATE_SECONDS = 60;
/** Of the probe, before what it sees counts. */
const WARM_UP_SECONDS = 0.5;
const BEFORE_UPDATE_MS = 1_000;
/** The old table is let go of. */
const AFTER_UPDATE_MS = 1_000;

/** Every request to another virtual host, in an order in which no memory of recent ones helps; each takes its host's last route. */
export const EVERY_HOST = `
local host = 0
request = function()
  host = (host + 1009) % ${LARGE.hosts}
  return wrk.format("GET", nil, { ["Host"] = "service-" .. host .. ".default.svc.cluster.local" })
end
`;

async function get(port: number, host: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${PATH}`, {
    headers: { host: domainOf(host) },
    keepalive: false,
  });
  return response.text();
}

/** CPU of a request with either table, in turns. */
async function measureRequests(peers: readonly DiscoveredPeer[], seconds: number): Promise<readonly number[]> {
  const cpu = peers.map((): number[] => []);
  for (const peer of peers) await settle(peer, CONNECTIONS);
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, peer] of peers.entries()) {
      const { cpuUs, errors } = await measure(peer, CONNECTIONS, seconds);
      if (errors > 0) throw new Failure(`${peer.name}: ${errors} errors`);
      cpu[i]!.push(cpuUs);
      takeLogs(peer);
    }
  return cpu.map(median);
}

/** Milliseconds until one changed virtual host is acknowledged, and in force, as a request shows. */
async function changeOneHost(peer: DiscoveredPeer, resources: readonly Resource[]): Promise<number> {
  const times: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const changed = hostResource(change, LARGE.routes, `changed ${change}`);
    const next = resources.map((resource) => (resource.name === changed.name ? changed : resource));
    times.push(await peer.discovery.publish(snapshotOf(next, `change ${change}`)));
    const answer = await get(peer.port, change);
    if (answer !== `changed ${change}`) throw new Failure(`${peer.name}: the change is not in force: ${answer}`);
  }
  return median(times);
}

interface FullUpdate {
  readonly appliedMs: number;
  readonly stallMs: number;
  /** What the loop itself did. */
  readonly turns: readonly Figure[];
}

/** The whole table at once, while a connection asks every two milliseconds for what the proxy answers by itself. */
async function updateEverything(
  lab: Lab,
  program: Program,
  peer: DiscoveredPeer,
  full: readonly Resource[],
): Promise<FullUpdate> {
  const next = snapshotOf(full, "full");
  const recording = TurnRecording.prepare(peer.proxies[0]!.pid);
  const updating = Bun.sleep(BEFORE_UPDATE_MS).then(async () => {
    recording?.begin();
    const appliedMs = await lab.standBack(() => peer.discovery.publish(next));
    await Bun.sleep(AFTER_UPDATE_MS);
    recording?.end();
    return appliedMs;
  });
  const { maxUs, errors } = await runRate(lab, probe(peer.probe, PATH, "probe"), UPDATE_SECONDS, {
    warmUpSeconds: WARM_UP_SECONDS,
    until: updating,
  });
  if (errors > 0) throw new Failure(`${peer.name}: ${errors} of the probe's requests failed`);
  return { appliedMs: await updating, stallMs: maxUs / 1_000, turns: turnFigures(program, recording) };
}

interface Tables {
  readonly hosts: readonly Resource[];
  readonly full: readonly Resource[];
  readonly script: string;
}

async function measureProgram(
  lab: Lab,
  program: Program,
  backend: number,
  { hosts, full, script }: Tables,
  seconds: number,
): Promise<readonly Figure[]> {
  const one = await startDiscovered(lab, `${program}-one`, program, backend, oneRoute(), script);
  const many = await startDiscovered(lab, `${program}-many`, program, backend, hosts, script);
  const [oneUs = Number.NaN, manyUs = Number.NaN] = await measureRequests([one, many], seconds);
  const changeMs = await changeOneHost(many, hosts);
  const warm = { warmUpSeconds: WARM_UP_SECONDS };
  const quiet = await runRate(lab, probe(many.probe, PATH, "probe"), seconds, warm);
  const { appliedMs, stallMs, turns } = await updateEverything(lab, program, one, full);
  await lab.stop([...one.proxies, ...many.proxies]);
  for (const { discovery } of [one, many]) discovery.stop();
  return [
    figure(program, "CPU with 1 route", oneUs, "µs"),
    figure(program, "CPU with 100,000", manyUs, "µs"),
    figure(program, "more", (manyUs / oneUs - 1) * 100, "%"),
    figure(program, "one virtual host", changeMs, "ms"),
    figure(program, "all of them", appliedMs, "ms"),
    figure(program, "longest stall meanwhile", stallMs, "ms"),
    figure(program, "longest when quiet", quiet.maxUs / 1_000, "ms"),
    ...turns,
  ];
}

function judge(figures: readonly Figure[]): readonly Verdict[] {
  const of = (name: string) =>
    figures.find((one) => one.subject === "heddle" && one.name === name)?.value ?? Number.NaN;
  return [
    verdict("CPU a request more than with one route", of("more"), "%", 15),
    verdict("one changed virtual host by VHDS", of("one virtual host"), "ms", 20),
    Number.isNaN(of(LONGEST_TURN))
      ? verdict("longest stall during a full RouteConfiguration", of("longest stall meanwhile"), "ms", 5)
      : verdict("longest turn of the loop during a full RouteConfiguration", of(LONGEST_TURN), "ms", 5),
  ];
}

export const routes: FiguresCase = {
  kind: "figures",
  name: "routes",
  describes:
    "5,000 virtual hosts with 20 routes each by VHDS, one plaintext hop; then one of them changed; then all in one message",
  components: ["envoy", "nginx", "wrk"],
  limitSeconds: 240,
  async measure(lab, seconds) {
    const backend = await startBackend(lab);
    const script = join(lab.folder, "every-host.lua");
    writeFileSync(script, EVERY_HOST);
    const tables: Tables = { hosts: discoveredHosts(LARGE), full: fullRoutes(LARGE), script };
    const megabytes = tables.full.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6;
    const figures: Figure[] = [figure("tables", "one RouteConfiguration", megabytes, "MB")];
    for (const program of ["heddle", "envoy"] as const)
      figures.push(...(await measureProgram(lab, program, backend, tables, seconds)));
    return { figures, verdicts: judge(figures) };
  },
};
