// Two proxies with a mesh around them: a client behind the one, golden (two versions) and polyglot (every protocol) behind the other.

import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { resourceByKind } from "../../src/kube/resources.ts";
import { eventually, TestMesh, type TestWorkload } from "./mesh.ts";

const hasEnvoy = findComponent("envoy") !== undefined;
if (!hasEnvoy && process.env.CI === "true") throw new Error("the traffic suite needs envoy");

/** Which proxy stands on the client's side of the leg, and which on the server's. */
export const PAIRS: readonly (readonly [client: ProxyKind, server: ProxyKind])[] = hasEnvoy
  ? [
      ["heddle", "heddle"],
      ["envoy", "envoy"],
      ["heddle", "envoy"],
      ["envoy", "heddle"],
    ]
  : [["heddle", "heddle"]];

function destinationRule(trafficPolicy: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden, namespace: default}
spec:
  host: golden
  trafficPolicy: ${trafficPolicy}
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}`;
}

const BASE = `${destinationRule("{loadBalancer: {}}")}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: STRICT}}
`;

/** Polyglot's ports by name, which declares the protocol (`any` declares none), with their numbers in the service. */
export const POLYGLOT_PORTS = { http: 80, http2: 81, grpc: 82, tcp: 83, "tcp-greeter": 84, any: 85 } as const;
/** What the application is to speak on each, in that order. */
const SPOKEN = ["http", "http2", "grpc", "tcp", "greeter", "any"] as const;

/** Its command, for numbers in the order of its ports. */
export function polyglotCommand(program: string, numbers: readonly number[]): readonly string[] {
  return ["node", program, ...numbers.map((port, i) => `${SPOKEN[i]}=${port}`)];
}

export type PolyglotPort = keyof typeof POLYGLOT_PORTS;

/** What golden says of a request. */
export interface Described {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Record<string, string>;
  readonly body: number;
}

/** A VirtualService whose `http` is given as YAML, indented by two. A request to `/revision/N` tells that it is in force. */
function routes(host: string, http: string, revision: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${host}, namespace: default}
spec:
  hosts: [${host}]
  http:
  - match: [{uri: {exact: /revision/${revision}}}]
    directResponse: {status: 299}
${http}`;
}

/** Polyglot runs on Node, so that what the proxies are measured by is not the runtime that they are made with. */
export async function buildPolyglot(folder: string): Promise<string> {
  const entrypoints = [join(import.meta.dir, "polyglot/main.ts")];
  const { success, logs } = await Bun.build({ entrypoints, outdir: folder, target: "node", naming: "polyglot.mjs" });
  if (!success) throw new AggregateError(logs, "polyglot does not build");
  return join(folder, "polyglot.mjs");
}

export class Pair {
  readonly #proxies: readonly [client: ProxyKind, server: ProxyKind];
  mesh!: TestMesh;
  client!: TestWorkload;
  v1!: TestWorkload;
  v2!: TestWorkload;
  polyglot!: TestWorkload;
  /** Ports on the client's side that stand for golden, and for each of polyglot's. */
  golden!: number;
  upstream!: Readonly<Record<PolyglotPort, number>>;
  #revision = 0;

  constructor(clientProxy: ProxyKind, serverProxy: ProxyKind) {
    this.#proxies = [clientProxy, serverProxy];
  }

  get serverProxy(): ProxyKind {
    return this.#proxies[1];
  }

  async start(): Promise<void> {
    const [clientProxy, serverProxy] = this.#proxies;
    this.mesh = await TestMesh.start();
    const { mesh } = this;
    await mesh.apply(BASE);
    const program = await buildPolyglot(mesh.folder);
    this.golden = mesh.book.choose(0);
    const ports = Object.entries(POLYGLOT_PORTS).map(([name, number]) => [name, number, mesh.book.choose(0)] as const);
    this.upstream = Object.fromEntries(ports.map(([name, , port]) => [name, port])) as Record<PolyglotPort, number>;
    [this.v1, this.v2, this.polyglot, this.client] = await Promise.all([
      mesh.run({ app: "golden", version: "v1", proxy: serverProxy }),
      mesh.run({ app: "golden", version: "v2", proxy: serverProxy }),
      mesh.run({
        app: "polyglot",
        version: "v1",
        proxy: serverProxy,
        servicePorts: POLYGLOT_PORTS,
        command: (...numbers) => polyglotCommand(program, numbers),
      }),
      mesh.run({
        app: "client",
        version: "v1",
        proxy: clientProxy,
        upstreams: [`${this.golden}=golden:80`, ...ports.map(([, number, port]) => `${port}=polyglot:${number}`)],
      }),
    ]);
    for (const port of [this.golden, this.upstream.http]) await this.#until(port, "/", (status) => status === 200);
  }

  async stop(): Promise<void> {
    await this.mesh?.stop();
  }

  async #until(port: number, path: string, isRight: (status: number | string) => boolean): Promise<void> {
    const ask = () =>
      fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) }).then(
        (response) => response.status,
        (error: unknown) => String(error),
      );
    const last = await eventually(ask, isRight);
    if (!isRight(last)) throw new Error(`${path} on port ${port} still answers ${last}`);
  }

  /** To golden, by its upstream port. */
  get(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.golden}${path}`, { signal: AbortSignal.timeout(10_000), ...init });
  }

  async described(path: string, init?: RequestInit): Promise<Described> {
    return (await (await this.get(path, init)).json()) as Described;
  }

  get forwardProxy(): string {
    return `http://127.0.0.1:${this.client.ports.forwardProxy}`;
  }

  /** Applies routes for golden and waits until the client's proxy has them. */
  async route(http: string): Promise<void> {
    const revision = ++this.#revision;
    await this.mesh.apply(routes("golden", http, revision));
    await this.#until(this.golden, `/revision/${revision}`, (status) => status === 299);
  }

  /** What clients follow towards golden, in YAML; `{loadBalancer: {}}` as long as no case says otherwise. The caller waits until he sees it. */
  async follow(trafficPolicy: string): Promise<void> {
    await this.mesh.apply(destinationRule(trafficPolicy));
  }

  /** The same for polyglot, asked for on one of its ports. They hold for all of them until they are taken away. */
  async routePolyglot(port: PolyglotPort, http: string): Promise<void> {
    const revision = ++this.#revision;
    await this.mesh.apply(routes("polyglot", http, revision));
    await this.#until(this.upstream[port], `/revision/${revision}`, (status) => status === 299);
  }

  async unroutePolyglot(port: PolyglotPort): Promise<void> {
    if (!this.client) return; // it never stood
    const virtualServices = resourceByKind("networking.istio.io", "VirtualService")!;
    await this.mesh.controlPlane.api.delete(virtualServices, { namespace: "default", name: "polyglot" });
    await this.#until(this.upstream[port], `/revision/${this.#revision}`, (status) => status !== 299);
  }
}
