// A real mesh for tests: the control plane in this process, sidecars with Heddle's proxy or Envoy as processes, an application beside each.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { findComponent } from "../../scripts/components.ts";
import { PortBook } from "../../src/agent/ports.ts";
import { instanceName, type RunningSidecar, type RunOptions, runSidecar } from "../../src/agent/run.ts";
import type { ProxyKind, ProxyStart } from "../../src/agent/sidecar.ts";
import { configureLog } from "../../src/base/log.ts";
import type { Secret } from "../../src/base/secret.ts";
import { AuthorityStore } from "../../src/ca/store.ts";
import { JoinTokens } from "../../src/ca/token.ts";
import { type RunningControlPlane, startControlPlane } from "../../src/cli/control-plane.ts";
import { selfDiscovery } from "../../src/control/registration/self-discovery.ts";
import type { KubeObject, NewObject } from "../../src/kube/object.ts";
import { resource, resourceByKind } from "../../src/kube/resources.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import { bundlePem } from "../../src/pki/bundle.ts";
import { type Identity, identityOf } from "./xds/certificates.ts";

const ANY = { api: 0, secure: 0, metrics: 0, dashboard: 0 };
const APPLICATION = join(import.meta.dir, "application.ts");
const MAIN = join(import.meta.dir, "../../src/main.ts");

export interface WorkloadOptions {
  /** Name of the service; several workloads of a name are its versions. */
  readonly app: string;
  readonly version: string;
  /** `default` unless said. */
  readonly namespace?: string;
  /** Undefined: no sidecar, plaintext only. */
  readonly proxy: ProxyKind | undefined;
  /** Name of the container port, which declares the protocol: `http`, `tcp-x`, `grpc`, … */
  readonly portName?: string;
  /** Several ports in place of that one, by name, with the service's number of each. */
  readonly servicePorts?: Readonly<Record<string, number>>;
  readonly upstreams?: readonly string[];
  /** Of the region `here`; the proxy is told where its fellows are. */
  readonly zone?: string;
  /** Undefined: the application of this folder. `ports` in the order of the service's. */
  readonly command?: (...ports: readonly number[]) => readonly string[];
}

export interface GatewayOptions {
  /** Of its Service and its labels: `app`, and `istio` for selectors. */
  readonly app: string;
  readonly proxy: ProxyKind;
  /** `default` unless said. */
  readonly namespace?: string;
  /** Value of the label `istio`, where it is not `app`. */
  readonly istio?: string;
  /** What the Service calls its ports, by number; others are `tcp-NUMBER`. */
  readonly portNames?: Readonly<Record<number, string>>;
  /** Numbers in the Service, each of which leads to a free one of the machine. */
  readonly ports: readonly number[];
}

export interface TestGateway {
  readonly name: string;
  readonly admin: number;
  /** Where it listens for each of the Service's ports. */
  readonly ports: ReadonlyMap<number, number>;
  readonly folder: string;
}

export interface TestWorkload {
  readonly name: string;
  readonly ports: {
    readonly application: number;
    /** All of the application's, where it has several. */
    readonly applications: readonly number[];
    readonly mesh: number;
    readonly inbound: number;
    /** What stands for each of the application's, in their order. */
    readonly inbounds: readonly number[];
    readonly forwardProxy: number;
    readonly admin: number;
    readonly status: number;
  };
  readonly folder: string;
  stop(): Promise<void>;
}

export class TestMesh {
  readonly folder: string;
  readonly book: PortBook;
  #controlPlane!: RunningControlPlane;
  readonly #workloads: TestWorkload[] = [];
  readonly #gateways: (() => Promise<void>)[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.book = new PortBook(join(folder, "ports"), "127.0.0.1");
  }

  static async start(options: { readonly certificateTtlMs?: number } = {}): Promise<TestMesh> {
    configureLog({ level: process.env.TEST_LOG === "debug" ? "debug" : "off" });
    const mesh = new TestMesh(mkdtempSync(join(tmpdir(), "heddle-mesh-")));
    mesh.#controlPlane = await startControlPlane({
      state: join(mesh.folder, "state"),
      version: "test",
      host: "127.0.0.1",
      ports: ANY,
      settings: DEFAULT_SETTINGS,
      config: undefined,
      certificateTtlMs: options.certificateTtlMs ?? 86_400_000,
      dashboard: join(mesh.folder, "none"),
      // A case that names a subset which never comes has to live to see what becomes of it.
      patienceMs: 1_500,
      // Each case changes one thing and waits for it: there is nothing to join.
      debounce: { quietMs: 20, maxMs: 1_000 },
      // No case asks the control plane what it counted: each second's metrics of all proxies would cost more than the cases do.
      scrapeIntervalMs: 600_000,
      onCompiled() {},
    });
    return mesh;
  }

  get controlPlane(): RunningControlPlane {
    return this.#controlPlane;
  }

  /** Applies documents through the API, as `kubectl apply --server-side` would. */
  async apply(yaml: string): Promise<void> {
    for (const document of parseAllDocuments(yaml)) {
      const object = document.toJS() as NewObject | null;
      if (object) await this.#put(object);
    }
  }

  async #put(object: NewObject): Promise<void> {
    const [group = "", version = ""] = object.apiVersion.includes("/")
      ? object.apiVersion.split("/")
      : ["", object.apiVersion];
    const type = resourceByKind(group, object.kind);
    if (!type) throw new Error(`no kind ${group}/${version} ${object.kind}`);
    await this.#controlPlane.api.apply(type, object as NewObject & KubeObject, { force: true });
  }

  /** An application with its Service, and a sidecar beside it unless told otherwise. Resolves when it is ready. */
  async run(options: WorkloadOptions): Promise<TestWorkload> {
    const { app, version, proxy, namespace = "default" } = options;
    const declared = Object.entries(options.servicePorts ?? { [options.portName ?? "http"]: 80 });
    const choose = () => this.book.choose(0);
    const [applications, inbounds] = [declared.map(choose), declared.map(choose)];
    const [application, inbound] = [applications[0]!, inbounds[0]!];
    const [mesh, forwardProxy, admin, status] = [choose(), choose(), choose(), choose()];
    const ports = { application, applications, mesh, inbound, inbounds, forwardProxy, admin, status };
    const name = instanceName(`${app}-${version}`);
    const labels = {
      app,
      version,
      "service.istio.io/workload-name": `${app}-${version}`,
      ...placeLabels(options.zone),
    };
    await this.#put({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: app, namespace },
      spec: { selector: { app }, ports: declared.map(([name, port]) => ({ name, port, targetPort: name })) },
    });
    await this.#put({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        namespace,
        labels,
        annotations: proxy
          ? {
              "heddle.dev/proxy": proxy,
              "heddle.dev/mesh-port": String(mesh),
              "heddle.dev/inbound-ports": applications.map((port, i) => `${port}=${inbounds[i]}`).join(","),
              "heddle.dev/forward-proxy-port": String(forwardProxy),
              "heddle.dev/bind-address": "127.0.0.1",
              "heddle.dev/upstreams": (options.upstreams ?? []).join(","),
              "prometheus.io/scrape": "true",
              "prometheus.io/port": String(status),
              "prometheus.io/path": "/stats/prometheus",
            }
          : {},
      },
      spec: {
        serviceAccountName: app,
        containers: [
          {
            name: "app",
            image: "local",
            ports: declared.map(([name], i) => ({ name, containerPort: applications[i]! })),
          },
        ],
      },
    });
    const command = options.command?.(...applications) ?? [process.execPath, APPLICATION, String(application), version];
    const workload = proxy
      ? await this.#runSidecar(options, proxy, name, labels, ports, command)
      : await this.#runBare(namespace, name, ports, command);
    this.#workloads.push(workload);
    return workload;
  }

  /** A gateway proxy without an application; nothing listens before a Gateway says so. */
  async gateway({
    app,
    proxy,
    ports,
    namespace = "default",
    istio = app,
    portNames = {},
  }: GatewayOptions): Promise<TestGateway> {
    const chosen = new Map(ports.map((port) => [port, this.book.choose(0)]));
    const [admin, status] = [this.book.choose(0), this.book.choose(0)];
    const name = instanceName(`${app}-v1`);
    const labels = { app, istio, version: "v1" };
    await this.#put({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: app, namespace },
      spec: {
        selector: { app },
        ports: ports.map((port) => ({ name: portNames[port] ?? `tcp-${port}`, port, targetPort: chosen.get(port)! })),
      },
    });
    await this.#put({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        namespace,
        labels,
        annotations: {
          "heddle.dev/proxy": proxy,
          "heddle.dev/gateway": "true",
          "heddle.dev/bind-address": "127.0.0.1",
        },
      },
      spec: { serviceAccountName: app, containers: [{ name: "app", image: "local" }] },
    });
    await this.#setReady(namespace, name, true);
    const folder = join(this.folder, name);
    const options = await this.#agentOptions(
      { app, version: "v1", proxy, namespace },
      name,
      labels,
      { admin, status },
      folder,
    );
    const running = await runSidecar({
      ...options,
      sidecar: { ...options.sidecar, role: "gateway" },
      application: undefined,
      onDraining: async () => {},
    });
    this.#gateways.push(async () => {
      running.signal("SIGTERM");
      await running.done;
    });
    return { name, admin, ports: chosen, folder };
  }

  /** As the registrar tells an agent whose proxyMetadata asks for it. */
  async #selfDiscovery(name: string, labels: Record<string, string>): Promise<ProxyStart> {
    const object = await this.#controlPlane.api.get(resource.pods, { namespace: "default", name });
    const { value } = selfDiscovery({ type: resource.pods, object: object! }, labels);
    return { environment: {}, bootstrap: [{ json: JSON.stringify(value), replacesLists: false, origin: name }] };
  }

  /** A workload of which nobody asks more than where it is. */
  async mention(app: string, version: string, zone: string): Promise<void> {
    const name = instanceName(`${app}-${version}`);
    const labels = { "service.istio.io/workload-name": `${app}-${version}`, ...placeLabels(zone) };
    await this.#put({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default", labels },
      spec: { containers: [{ name: "app", image: "local" }] },
    });
    await this.#setReady("default", name, true);
  }

  async #setReady(namespace: string, name: string, ready: boolean): Promise<void> {
    const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
    await this.#controlPlane.api.patch(
      resource.pods,
      { namespace, name },
      { kind: "strategic", patch: { status: { phase: "Running", podIP: "127.0.0.1", conditions } } },
      { subresource: "status" },
    );
  }

  async #runBare(
    namespace: string,
    name: string,
    ports: TestWorkload["ports"],
    command: readonly string[],
  ): Promise<TestWorkload> {
    const child = Bun.spawn([...command], { stdout: "ignore", stderr: "ignore" });
    await Promise.all(ports.applications.map(untilListening));
    await this.#setReady(namespace, name, true);
    return {
      name,
      ports,
      folder: "",
      stop: async () => {
        child.kill("SIGKILL");
        await child.exited;
      },
    };
  }

  #authority() {
    const authorityStore = new AuthorityStore(join(this.folder, "state", "ca"));
    return { authorityStore, authority: authorityStore.open("cluster.local", Date.now()).authority };
  }

  /** Of a service account of the namespace default, by the mesh's own authority; with its roots. */
  identityOf(serviceAccount: string): Identity & { readonly roots: string } {
    const { authority } = this.#authority();
    return { ...identityOf(serviceAccount, 86_400_000, authority), roots: bundlePem(authority.bundle) };
  }

  /** A Pod that somebody else runs, with a port for each name; it is ready at once. */
  async stand(
    app: string,
    version: string,
    labels: Record<string, string>,
    ports: Record<string, number>,
    serviceAccount: string,
  ): Promise<void> {
    const name = instanceName(`${app}-${version}`);
    await this.#put({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default", labels: { app, version, ...labels } },
      spec: {
        serviceAccountName: serviceAccount,
        containers: [
          {
            name: "app",
            image: "local",
            ports: Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort })),
          },
        ],
      },
    });
    await this.#setReady("default", name, true);
  }

  async #agentOptions(
    options: Pick<WorkloadOptions, "app" | "version" | "namespace"> & { readonly proxy: ProxyKind },
    name: string,
    labels: Record<string, string>,
    ports: { readonly admin: number; readonly status: number },
    folder: string,
  ): Promise<Omit<RunOptions, "application" | "onDraining">> {
    const { proxy, namespace = "default" } = options;
    const { authorityStore, authority } = this.#authority();
    const token: Secret = await new JoinTokens(authorityStore.joinKey(), () => authority.bundle).issue(
      { kind: "trust-domain", trustDomain: "cluster.local" },
      60_000,
      Date.now(),
    );
    return {
      sidecar: {
        proxy,
        workload: {
          name,
          namespace,
          serviceAccount: options.app,
          trustDomain: "cluster.local",
          clusterId: "Kubernetes",
          address: "127.0.0.1",
          labels,
          workloadName: `${options.app}-${options.version}`,
        },
        ports: { admin: ports.admin, status: ports.status },
        controlPlane: {
          host: "127.0.0.1",
          port: this.#controlPlane.ports.secure,
          roots: bundlePem(authority.bundle),
          identity: "spiffe://cluster.local/ns/heddle-system/sa/heddle",
        },
        token,
        folder,
      },
      version: "test",
      certificateTtlMs: 86_400_000,
      proxyCommand: () =>
        proxy === "heddle"
          ? [process.execPath, MAIN, "proxy", "-c"]
          : [
              findComponent("envoy")!,
              ...["-l", "warning", "--concurrency", "1", "--base-id", String(ports.admin)],
              // How long connections of a replaced filter chain keep to what it said; ten minutes by default.
              ...["--drain-time-s", "0", "-c"],
            ],
      applicationMetricsUrl: undefined,
      drainMs: () => 2_000,
      onIdentified: async () => undefined,
      onReady: async () => {
        await untilListening(ports.admin);
      },
    };
  }

  async #runSidecar(
    options: WorkloadOptions,
    proxy: ProxyKind,
    name: string,
    labels: Record<string, string>,
    ports: TestWorkload["ports"],
    command: readonly string[],
  ): Promise<TestWorkload> {
    const { namespace = "default" } = options;
    await this.#setReady(namespace, name, false);
    const folder = join(this.folder, name);
    const sidecar: RunningSidecar = await runSidecar({
      ...(await this.#agentOptions({ ...options, proxy }, name, labels, ports, folder)),
      application: { command, env: () => process.env },
      onIdentified: async () => (options.zone === undefined ? undefined : this.#selfDiscovery(name, labels)),
      onDraining: () => this.#controlPlane.api.delete(resource.pods, { namespace, name }).then(() => {}),
    });
    await Promise.all(ports.applications.map(untilListening));
    await this.#setReady(namespace, name, true);
    let stopped: Promise<number> | undefined;
    return {
      name,
      ports,
      folder,
      stop: async () => {
        if (!stopped) {
          stopped = sidecar.done;
          sidecar.signal("SIGTERM");
        }
        await stopped;
      },
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workloads.map((workload) => workload.stop()), ...this.#gateways.map((stop) => stop())]);
    await this.#controlPlane.stop();
    this.book.release();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function placeLabels(zone: string | undefined): Record<string, string> {
  return zone === undefined ? {} : { "topology.kubernetes.io/region": "here", "topology.kubernetes.io/zone": zone };
}

/** Asks until it is so, for at most 10 s: what is waited for is told by the last answer. */
export async function eventually<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (isRight(answer) || performance.now() > deadline) return answer;
    await Bun.sleep(10);
  }
}

export async function untilListening(port: number): Promise<void> {
  const connects = async () => {
    try {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
      socket.terminate();
      return true;
    } catch {
      return false;
    }
  };
  if (!(await eventually(connects, (up) => up))) throw new Error(`nothing listens on port ${port}`);
}
