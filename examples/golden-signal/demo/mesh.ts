// The mesh of the demo: a control plane, golden-signal in two versions and a client, each with a sidecar, all through the command line.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { State } from "../../../src/admin/api.ts";
import type { PortBook } from "../../../src/agent/ports.ts";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { Failure } from "../../../src/base/failure.ts";
import { selfCommand } from "../../../src/cli/self.ts";
import { portBook } from "../../../src/cli/sidecar-ports.ts";
import type { ControlPlaneNote } from "../../../src/cli/state-folder.ts";
import { KubeClient } from "../../../src/kube/client/client.ts";
import { plainConnection } from "../../../src/kube/client/connection.ts";
import { resource } from "../../../src/kube/resources.ts";
import type { LoadReport } from "../client.ts";
import { DemoProcess } from "./process.ts";

const EXAMPLE = dirname(import.meta.dir);
const HOST = "golden-signal.default.svc.cluster.local";
/** In the order in which they are shown; the two documents that the demo is about, and the subsets that they speak of. */
export const DOCUMENTS = ["virtualservice.yaml", "peerauthentication.yaml", "destinationrule.yaml"];
export const VERSIONS = ["v1", "v2"] as const;

const POLL_MS = 50;
const START_TIMEOUT_MS = 15_000;
const END_GRACE_MS = 5_000;

export interface MeshOptions {
  /** Ports that people know (20001, 15030) where they are free; else any. */
  readonly usualPorts: boolean;
  readonly proxies: { readonly client: ProxyKind; readonly server: ProxyKind };
}

export interface LoadOptions {
  readonly connections: number;
  /** Requests a second; 0: as many as are answered. */
  readonly rate: number;
  /** 0: until the end. */
  readonly requests: number;
  readonly onReport: (report: LoadReport) => void;
}

/** A member of the mesh, as its Pod says. */
export interface Member {
  readonly app: string;
  readonly version: string;
  readonly workload: string;
  readonly address: string;
  readonly ready: boolean;
  readonly applicationPort: number | undefined;
  readonly meshPort: number;
  readonly inboundPort: number | undefined;
  readonly metricsUrl: string;
}

export class DemoMesh {
  readonly #options: MeshOptions;
  readonly #state = mkdtempSync(join(tmpdir(), "heddle-demo-"));
  readonly #book: PortBook = portBook("127.0.0.1");
  readonly #processes: DemoProcess[] = [];
  #note: ControlPlaneNote | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: MeshOptions) {
    this.#options = options;
  }

  get note(): ControlPlaneNote {
    if (!this.#note) throw new Failure("the control plane does not run yet");
    return this.#note;
  }

  /** Resolves when the control plane serves. Rejects with what it said when it does not. */
  async startControlPlane(): Promise<void> {
    const usual = (port: number) => String(this.#options.usualPorts ? this.#book.choose(port) : 0);
    const { promise, resolve } = Promise.withResolvers<string>();
    const ports = ["--api-port", usual(15_030), "--dashboard-port", usual(20_001), "--metrics-port", usual(15_014)];
    const rest = ["--discovery-port", "0", "-o", "json"];
    const process = this.#start("control plane", ["up", ...ports, ...rest], {}, resolve);
    this.#note = JSON.parse(await this.#unlessItEnds(process, promise)) as ControlPlaneNote;
  }

  startService(version: string, env: Readonly<Record<string, string>>): void {
    const port = String(this.#book.choose(0));
    const options = ["--name", "golden-signal", "--version", version, "--port", port, "--metrics-path", "/metrics"];
    this.#run(`golden-signal ${version}`, this.#options.proxies.server, options, "app.ts", {
      VERSION: version,
      ...env,
    });
  }

  startClient({ connections, rate, requests, onReport }: LoadOptions): void {
    const env = { CONNECTIONS: String(connections), RATE: String(rate), REQUESTS: String(requests), STAY: "1" };
    const onLine = (line: string) => onReport(JSON.parse(line) as LoadReport);
    this.#run("client", this.#options.proxies.client, ["--name", "client"], "client.ts", env, onLine);
  }

  #run(
    name: string,
    proxy: ProxyKind,
    options: readonly string[],
    script: string,
    env: Readonly<Record<string, string>>,
    onLine?: (line: string) => void,
  ): void {
    const sidecar = ["--proxy", proxy, "--drain-time", "1s"];
    const ports = ["mesh", "inbound", "forward-proxy", "status", "admin"].flatMap((port) => [`--${port}-port`, "0"]);
    const program = [process.execPath, join(EXAMPLE, script)];
    this.#start(name, ["run", ...options, ...sidecar, ...ports, "--", ...program], env, onLine);
  }

  #start(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    onLine?: (line: string) => void,
  ): DemoProcess {
    const { HEDDLE_SERVER: _, HEDDLE_TOKEN: __, ...inherited } = process.env;
    const command = [...selfCommand(), ...args];
    const started = new DemoProcess({
      name,
      command,
      env: { ...inherited, ...env, HEDDLE_STATE: this.#state },
      ...(onLine ? { onLine } : {}),
    });
    this.#processes.push(started);
    return started;
  }

  /** `heddle apply` of the documents, as a person would. */
  async apply(): Promise<string> {
    const files = DOCUMENTS.map((name) => join(EXAMPLE, name));
    const child = Bun.spawn([...selfCommand(), "apply", "-f", ...files], {
      env: { ...process.env, HEDDLE_STATE: this.#state, HEDDLE_SERVER: this.note.api },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code !== 0) throw new Failure(`heddle apply ended with ${code}:\n${errors.trim()}`);
    return output;
  }

  /** Who is registered, sorted by workload. */
  async members(): Promise<readonly Member[]> {
    const client = new KubeClient(plainConnection(this.note.api), "heddle-demo");
    const { objects } = await client.list(resource.pods, { namespace: "default" });
    return objects.map(memberOf).sort((a, b) => (a.workload < b.workload ? -1 : 1));
  }

  async adminState(): Promise<State> {
    const response = await fetch(`${this.note.dashboard}/api/v1/state`, { signal: AbortSignal.timeout(2_000) });
    return (await response.json()) as State;
  }

  /** Resolves when so many workloads are ready, and every proxy has taken its configuration. */
  untilReady(count: number): Promise<void> {
    return this.#until(`${count} workloads are ready`, async () => {
      const members = await this.members();
      const { proxies } = await this.adminState();
      return members.filter(({ ready }) => ready).length === count && proxies.length === count && allSynced(proxies);
    });
  }

  /** Resolves when the documents are in force at every proxy. */
  untilInForce(): Promise<void> {
    return this.#until("the documents are in force", async () => {
      const { services, proxies } = await this.adminState();
      return services.some(({ host, splitBy }) => host === HOST && splitBy !== null) && allSynced(proxies);
    });
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline) {
      this.requireRunning();
      if (await holds()) return;
      await Bun.sleep(POLL_MS);
    }
    throw new Failure(`waited ${START_TIMEOUT_MS / 1_000} s in vain until ${what}`, { hint: this.#lastErrors() });
  }

  /** Throws with what it said when a process of the mesh has ended. */
  requireRunning(): void {
    const gone = this.#processes.find(({ running }) => !running);
    if (gone && !this.#stopping) throw ended(gone);
  }

  async #unlessItEnds<T>(process: DemoProcess, promise: Promise<T>): Promise<T> {
    return Promise.race([
      promise,
      process.exited.then(() => {
        throw ended(process);
      }),
    ]);
  }

  #lastErrors(): string {
    return this.#processes.map(({ name, lastErrors }) => `${name}:\n${lastErrors}`).join("\n");
  }

  /** Which processes there are, and whether they live. */
  get processes(): readonly { readonly name: string; readonly running: boolean }[] {
    return this.#processes;
  }

  /** Ends everything, callers before callees, and removes the state folder. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    const [controlPlane, ...workloads] = this.#processes;
    const callers = workloads.filter(({ name }) => name === "client");
    await Promise.all(callers.map((process) => process.end(END_GRACE_MS)));
    await Promise.all(workloads.map((process) => process.end(END_GRACE_MS)));
    await controlPlane?.end(END_GRACE_MS);
    this.#book.release();
    rmSync(this.#state, { recursive: true, force: true });
  }
}

function ended({ name, lastErrors }: DemoProcess): Failure {
  return new Failure(`${name} ended${lastErrors === "" ? "" : `:\n${lastErrors}`}`);
}

function allSynced(proxies: State["proxies"]): boolean {
  return proxies.every(({ config }) => config.state === "synced");
}

interface PodFields {
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function memberOf(pod: Awaited<ReturnType<KubeClient["list"]>>["objects"][number]): Member {
  const { labels = {}, annotations = {}, name } = pod.metadata;
  const { status } = pod as PodFields;
  const address = status?.podIP ?? "127.0.0.1";
  const [application, inbound] = (annotations["heddle.dev/inbound-ports"] ?? "").split("=").map(Number);
  return {
    app: labels.app ?? name,
    version: labels.version ?? "",
    workload: labels["service.istio.io/workload-name"] ?? name,
    address,
    ready: status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false,
    applicationPort: application || undefined,
    meshPort: Number(annotations["heddle.dev/mesh-port"]),
    inboundPort: inbound || undefined,
    metricsUrl: `http://${address}:${annotations["prometheus.io/port"]}${annotations["prometheus.io/path"]}`,
  };
}
