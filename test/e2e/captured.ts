// Captured workloads for tests: each with a sidecar in a network of its own, and a way to run programs in it.

import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { Capture } from "../../src/agent/capture.ts";
import { CAPTURE_PORTS } from "../../src/agent/capture-rules.ts";
import { instanceName, runSidecar } from "../../src/agent/run.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { AuthorityStore } from "../../src/ca/store.ts";
import { JoinTokens } from "../../src/ca/token.ts";
import { resource } from "../../src/kube/resources.ts";
import { bundlePem } from "../../src/pki/bundle.ts";
import { eventually, type TestMesh } from "../traffic/mesh.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const PORTS = { admin: 15_000, mesh: 15_008, status: 15_020 } as const;

export interface CapturedOptions {
  readonly app: string;
  readonly version: string;
  readonly proxy: ProxyKind;
  /** Name and number of the port that it listens on, on loopback; undefined for one that only calls. */
  readonly port?: readonly [name: string, number: number];
  readonly command: readonly string[];
  /** Its own name under the headless Service of its app. */
  readonly hostname?: string;
}

export interface Captured {
  readonly address: string;
  readonly capture: Capture;
  /** Output of a program inside, and its exit code. */
  exec(...command: readonly string[]): Promise<{ readonly output: string; readonly code: number }>;
  stop(): Promise<void>;
}

function proxyCommand(proxy: ProxyKind): readonly string[] {
  return proxy === "heddle"
    ? [process.execPath, MAIN, "proxy", "-c"]
    : [findComponent("envoy")!, "-l", "warning", "--concurrency", "1", "--disable-hot-restart", "-c"];
}

async function register(
  mesh: TestMesh,
  options: CapturedOptions,
  name: string,
  { address, machineAddress }: Capture,
): Promise<void> {
  const { app, version, proxy, port, hostname } = options;
  const instance = hostname === undefined ? {} : { hostname, subdomain: app };
  const ports = port ? [{ name: port[0], containerPort: port[1] }] : [];
  await mesh.apply(
    JSON.stringify({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        namespace: "default",
        labels: { app, version },
        annotations: {
          "heddle.dev/proxy": proxy,
          "heddle.dev/mesh-port": String(PORTS.mesh),
          "heddle.dev/bind-address": address,
          "heddle.dev/capture": "true",
          "heddle.dev/machine-address": machineAddress,
          "heddle.dev/outbound-port": String(CAPTURE_PORTS.outbound),
          "heddle.dev/inbound-port": String(CAPTURE_PORTS.inbound),
        },
      },
      spec: { ...instance, serviceAccountName: app, containers: [{ name: "app", image: "local", ports }] },
    }),
  );
  await setReady(mesh, name, address, false);
}

async function setReady(mesh: TestMesh, name: string, address: string, ready: boolean): Promise<void> {
  const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
  await mesh.controlPlane.api.patch(
    resource.pods,
    { namespace: "default", name },
    { kind: "strategic", patch: { status: { phase: "Running", podIP: address, conditions } } },
    { subresource: "status" },
  );
}

/** Resolves when it is ready. The Service is the caller's to make. */
export async function runCaptured(mesh: TestMesh, options: CapturedOptions): Promise<Captured> {
  const workloadName = `${options.app}-${options.version}`;
  const name = instanceName(workloadName);
  const capture = Capture.open({ name, namespace: "default", openPorts: [PORTS.mesh, PORTS.status] });
  try {
    return await start(mesh, options, name, workloadName, capture);
  } catch (thrown) {
    capture.close();
    throw thrown;
  }
}

async function start(
  mesh: TestMesh,
  options: CapturedOptions,
  name: string,
  workloadName: string,
  capture: Capture,
): Promise<Captured> {
  const { app, version, proxy, port, command } = options;
  const { address } = capture;
  await register(mesh, options, name, capture);
  const authorityStore = new AuthorityStore(join(mesh.folder, "state", "ca"));
  const { authority } = authorityStore.open("cluster.local", Date.now());
  const tokens = new JoinTokens(authorityStore.joinKey(), () => authority.bundle);
  const sidecar = await runSidecar({
    sidecar: {
      proxy,
      workload: {
        name,
        namespace: "default",
        serviceAccount: app,
        trustDomain: "cluster.local",
        clusterId: "Kubernetes",
        address,
        labels: { app, version },
        workloadName,
      },
      ports: { admin: PORTS.admin, status: PORTS.status },
      controlPlane: {
        host: "127.0.0.1",
        port: mesh.controlPlane.ports.secure,
        roots: bundlePem(authority.bundle),
        identity: "spiffe://cluster.local/ns/heddle-system/sa/heddle",
      },
      token: await tokens.issue({ kind: "trust-domain", trustDomain: "cluster.local" }, 60_000, Date.now()),
      folder: join(mesh.folder, name),
    },
    capture,
    version: "test",
    certificateTtlMs: 86_400_000,
    proxyCommand: () => proxyCommand(proxy),
    application: { command, env: () => process.env },
    applicationMetricsUrl: undefined,
    drainMs: () => 2_000,
    onIdentified: async () => undefined,
    onReady: async () => {},
    onDraining: () => mesh.controlPlane.api.delete(resource.pods, { namespace: "default", name }).then(() => {}),
  });
  if (port) await untilListening(capture, port[1]);
  await setReady(mesh, name, address, true);
  return {
    address,
    capture,
    async exec(...program) {
      const child = Bun.spawn([...capture.application(program)], { stdout: "pipe", stderr: "ignore" });
      const output = await new Response(child.stdout).text();
      return { output, code: await child.exited };
    },
    async stop() {
      sidecar.signal("SIGTERM");
      await sidecar.done;
      capture.close();
    },
  };
}

async function untilListening(capture: Capture, port: number): Promise<void> {
  const connects = () =>
    capture
      .enter(() => Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }))
      .then(
        (socket) => {
          socket.terminate();
          return true;
        },
        () => false,
      );
  if (!(await eventually(connects, (up) => up))) throw new Error(`nothing listens on port ${port}`);
}
