// `control`: the control plane under a thousand proxies: the first configuration of all of them, one change at a time, and how both grow.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { proxyBootstrap } from "../../src/agent/bootstrap.ts";
import { RUNTIME_ENVIRONMENT } from "../../src/agent/proxy-environment.ts";
import { COPY_BY_LOOP } from "../../src/base/copy-by-loop.ts";
import { Failure } from "../../src/base/failure.ts";
import { Secret } from "../../src/base/secret.ts";
import type { CompileReport } from "../control/compile.ts";
import { makeControlCertificates, SERVER_IDENTITY } from "../control/identity.ts";
import { type MeshSize, namespacesOf, proxiedPods } from "../control/mesh.ts";
import { type Change, type PlaneReport, type ProxiesReport, wallMs } from "../control/report.ts";
import { type Figure, figure } from "../figure.ts";
import type { Lab } from "../lab.ts";
import { bootstrapCommand } from "../peer.ts";
import { cpuTime, memory } from "../proc.ts";
import { percentile } from "../statistics.ts";
import { type Verdict, verdict } from "../target.ts";
import type { FiguresCase } from "./case.ts";

const MESH: MeshSize = { services: 1_000, endpoints: 10, proxies: 1_000 };
const LARGE: MeshSize = { services: 5_000, endpoints: 10, proxies: 1_000 };
const SMALL: MeshSize = { services: 500, endpoints: 10, proxies: 100 };
/** What a change costs each proxy that is told of it grows with them alone. */
const AS_MANY_PROXIES: MeshSize = { ...SMALL, proxies: LARGE.proxies };
const CHANGES = 10;
const POLL_MS = 20;
const SYNC_LIMIT_MS = 120_000;
/** Nothing more comes after so long without a response. */
const QUIET_MS = 1_500;

interface World {
  readonly lab: Lab;
  readonly plane: Subprocess;
  readonly planePort: number;
  readonly proxiesPort: number;
  readonly envoyAdmin: number;
}

async function ask<T>(port: number, path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return (await response.json()) as T;
}

function script(name: string): string {
  return join(import.meta.dir, "..", "control", `${name}.ts`);
}

async function start(lab: Lab): Promise<World> {
  const folder = lab.subfolder("certificates");
  makeControlCertificates("openssl", folder, namespacesOf(MESH));
  const [secure = 0, planePort = 0, proxiesPort = 0, envoyAdmin = 0] = lab.ports(4);
  const run = async (name: string, port: number, environment = {}) => {
    const command = [process.execPath, script(name), folder, String(secure), String(port), JSON.stringify(MESH)];
    const child = lab.start(name, command, { core: "both", descriptors: 8_192, environment });
    await lab.ready(name, child, `http://127.0.0.1:${port}/`);
    return child;
  };
  const plane = await run("plane", planePort, COPY_BY_LOOP); // as `heddle up` runs
  await run("proxies", proxiesPort, RUNTIME_ENVIRONMENT); // as agents start them
  startEnvoy(lab, folder, secure, envoyAdmin);
  return { lab, plane, planePort, proxiesPort, envoyAdmin };
}

/** The real one among them. It waits for the control plane as the others do. */
function startEnvoy(lab: Lab, folder: string, secure: number, admin: number): void {
  const [pod] = proxiedPods(MESH);
  const bootstrap = proxyBootstrap(
    {
      proxy: "envoy",
      workload: {
        ...pod!,
        serviceAccount: "default",
        trustDomain: "cluster.local",
        clusterId: "Kubernetes",
        labels: {},
        workloadName: pod!.name,
      },
      ports: { admin, status: 0 },
      controlPlane: { host: "127.0.0.1", port: secure, roots: "", identity: SERVER_IDENTITY },
      token: new Secret(""),
      folder,
    },
    { agent: join(folder, "agent.sock"), controlPlane: undefined },
  );
  lab.start("envoy", bootstrapCommand(lab, "envoy", "envoy", bootstrap as Record<string, unknown>), { core: "both" });
}

/** Until no proxy has had a response for a while, after `more` of them came. */
async function settled({ lab, proxiesPort }: World, more: number, before: number): Promise<ProxiesReport> {
  const startedAt = performance.now();
  for (let last = -1, quietSince = performance.now(); ; await Bun.sleep(POLL_MS)) {
    const report = await ask<ProxiesReport>(proxiesPort, "/");
    if (report.failures.length > 0) throw new Failure(report.failures.join("; "));
    if (report.responses !== last) quietSince = performance.now();
    last = report.responses;
    if (report.responses >= before + more && performance.now() - quietSince > QUIET_MS) return report;
    if (performance.now() - startedAt > SYNC_LIMIT_MS)
      throw new Failure(
        `the proxies got ${report.responses} responses: ${readFileSync(join(lab.folder, "plane.output"), "utf8").slice(-2_000)}`,
      );
  }
}

function cpuSeconds({ plane }: World): number {
  const { userSeconds, systemSeconds } = cpuTime([plane.pid]);
  return userSeconds + systemSeconds;
}

interface Outcome {
  readonly figures: readonly Figure[];
  readonly verdicts: readonly Verdict[];
}

/** The largest that the plane's process ever was, in bytes. */
function peakBytes({ plane }: World): number {
  const status = readFileSync(`/proc/${plane.pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

async function firstSync(world: World): Promise<Outcome> {
  const cpuBefore = cpuSeconds(world);
  const startedAt = wallMs();
  await ask(world.proxiesPort, "/connect");
  const simulated = MESH.proxies - 1;
  const { statusWrites } = await ask<PlaneReport>(world.planePort, "/");
  const report = await settled(world, simulated, 0);
  if (report.synced !== simulated) throw new Failure(`${report.synced} of ${simulated} proxies have everything`);
  await proveEnvoy(world);
  const seconds = (report.lastAt - startedAt) / 1_000;
  const cpu = cpuSeconds(world) - cpuBefore;
  const peak = peakBytes(world);
  const after = await ask<PlaneReport>(world.planePort, "/");
  const subject = "first sync of all";
  return {
    figures: [
      figure(subject, "to the last", seconds * 1_000, "ms"),
      figure(subject, "CPU", cpu * 1_000, "ms"),
      figure(subject, "resident, largest", peak / 1e6, "MB"),
      figure(subject, "resident, after", memory([world.plane.pid]).residentBytes / 1e6, "MB"),
      figure(subject, "sent", report.bytes / 1e6, "MB"),
      figure(subject, "statuses written", after.statusWrites - statusWrites, ""),
    ],
    verdicts: [
      verdict("first sync of all, seconds", seconds, "s", 10),
      verdict("CPU of the control plane in it", cpu, "s", 8),
      verdict("resident memory of the control plane, largest", peak / 1e6, "MB", 1_000),
    ],
  };
}

/** @throws Failure unless Envoy has the clusters and refused nothing. */
async function proveEnvoy({ envoyAdmin }: World): Promise<void> {
  const response = await fetch(
    `http://127.0.0.1:${envoyAdmin}/stats?filter=(update_rejected|active_clusters|connected_state)&format=json`,
  );
  const { stats } = (await response.json()) as {
    readonly stats: readonly { readonly name: string; readonly value: number }[];
  };
  const rejected = stats.filter(({ name, value }) => name.endsWith("update_rejected") && value > 0);
  const clusters = stats.find(({ name }) => name === "cluster_manager.active_clusters")?.value ?? 0;
  if (rejected.length > 0 || clusters < MESH.services)
    throw new Failure(`Envoy has ${clusters} clusters; ${JSON.stringify(rejected)}`);
}

async function changes(world: World, what: Change, atMostMs: number): Promise<Outcome> {
  const latencies: number[] = [];
  const simulated = MESH.proxies - 1;
  const cpuBefore = cpuSeconds(world);
  const first = await ask<ProxiesReport>(world.proxiesPort, "/");
  let responses = first.responses;
  for (let i = 0; i < CHANGES; i++) {
    const { compilations } = await ask<PlaneReport>(world.planePort, `/change/${what}`);
    const report = await settled(world, simulated, responses);
    responses = report.responses;
    const after = await ask<PlaneReport>(world.planePort, "/");
    const compilation = after.compilations[compilations.length];
    if (!compilation) throw new Failure("the change was not compiled");
    latencies.push(report.lastAt - compilation.at);
  }
  const cpu = (cpuSeconds(world) - cpuBefore) / CHANGES;
  await proveEnvoy(world);
  const p99 = percentile(latencies, 0.99);
  const subject = what === "endpoint" ? "one endpoint" : "one VirtualService";
  return {
    figures: [
      figure(subject, "to the last, median", percentile(latencies, 0.5), "ms"),
      figure(subject, "to the last, p99", p99, "ms"),
      figure(subject, "CPU", cpu * 1_000, "ms"),
      figure(subject, "responses", (responses - first.responses) / CHANGES, ""),
    ],
    verdicts: [
      verdict(`${subject} changes, to the last acknowledgement, p99`, p99, "ms", atMostMs),
      ...(what === "virtual-service" ? [verdict("CPU of the control plane for it", cpu, "s", 0.5)] : []),
    ],
  };
}

/** What telling the status of objects adds to a change: with and without it in turn, because a process that has run for longer costs less. */
async function statusShare(world: World): Promise<Outcome> {
  const cpu = { on: 0, off: 0 };
  for (let i = 0; i < CHANGES; i++) {
    for (const status of ["on", "off"] as const) {
      await ask(world.planePort, `/status/${status}`);
      const { responses } = await ask<ProxiesReport>(world.proxiesPort, "/");
      const before = cpuSeconds(world);
      await ask(world.planePort, "/change/virtual-service");
      await settled(world, MESH.proxies - 1, responses);
      cpu[status] += cpuSeconds(world) - before;
    }
  }
  const share = (cpu.on / cpu.off - 1) * 100;
  return {
    figures: [
      figure("one VirtualService", "CPU with status", (cpu.on / CHANGES) * 1_000, "ms"),
      figure("one VirtualService", "CPU without status", (cpu.off / CHANGES) * 1_000, "ms"),
    ],
    verdicts: [verdict("what status adds to the CPU of a change", share, "%", 10)],
  };
}

async function compileOf(lab: Lab, size: MeshSize): Promise<CompileReport> {
  return JSON.parse(await lab.output([process.execPath, script("compile"), JSON.stringify(size)], "both"));
}

async function growth(lab: Lab): Promise<Outcome> {
  const small = await compileOf(lab, SMALL);
  const alike = await compileOf(lab, AS_MANY_PROXIES);
  const large = await compileOf(lab, LARGE);
  const row = (size: MeshSize, report: CompileReport) => {
    const subject = `${size.services} services, ${size.services * size.endpoints} endpoints, ${size.proxies} proxies`;
    return [
      figure(subject, "from nothing", report.firstMs, "ms"),
      figure(subject, "resident", report.residentBytes / 1e6, "MB"),
      figure(subject, "one endpoint", report.endpointMs, "ms"),
      figure(subject, "one VirtualService", report.virtualServiceMs, "ms"),
      figure(subject, "a Pod that comes or goes", report.podMs, "ms"),
    ];
  };
  return {
    figures: [...row(SMALL, small), ...row(AS_MANY_PROXIES, alike), ...row(LARGE, large)],
    verdicts: [
      verdict("5,000 services from nothing, seconds", large.firstMs / 1_000, "s", 5),
      verdict("resident memory with them", large.residentBytes / 1e6, "MB", 1_500),
      verdict("time of 10 times the services", large.firstMs / small.firstMs, "times", 12),
      verdict("memory of 10 times the services", large.residentBytes / small.residentBytes, "times", 12),
      verdict(
        "a change of one endpoint among 10 times the services",
        large.endpointMs / alike.endpointMs,
        "times",
        1.5,
      ),
    ],
  };
}

export const control: FiguresCase = {
  kind: "figures",
  name: "control",
  describes:
    "discovery streams over mutual TLS on loopback, one of 1,000 an Envoy; times are from the compilation on, without the debounce",
  components: ["envoy"],
  limitSeconds: 400,
  async measure(lab) {
    const sizes = await growth(lab);
    const world = await start(lab);
    const outcomes = [
      await firstSync(world),
      await changes(world, "endpoint", 300),
      await changes(world, "virtual-service", 500),
      await statusShare(world),
      sizes,
    ];
    return {
      figures: outcomes.flatMap(({ figures }) => figures),
      verdicts: outcomes.flatMap(({ verdicts }) => verdicts),
    };
  },
};
