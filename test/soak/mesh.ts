// Three sidecars between the load's clients and its applications, and what is in force in them.

import { join } from "node:path";
import { SDS_PATH, SecretService } from "../../src/agent/sds.ts";
import { Secret } from "../../src/base/secret.ts";
import { type GrpcListener, listenGrpc } from "../../src/grpc/listen.ts";
import { GrpcService } from "../../src/grpc/server.ts";
import { closedPort } from "../../src/proxy/raw-peer-fixture.ts";
import { identityOf, ROOTS } from "../traffic/xds/certificates.ts";
import type { Place } from "../traffic/xds/message.ts";
import { ProxyProcess } from "../traffic/xds/process.ts";
import { AT_FIRST, clientResources, type MeshPlaces, type Moment, SERVED, serverResources } from "./configuration.ts";
import { COLLECTOR } from "./heap.ts";
import type { ApplicationName, Ports, Served } from "./load/told.ts";

export const CERTIFICATE_MS = 30_000;
/** More than the slowest exchange takes: a listener that goes cuts none of them off. */
const DRAIN_SECONDS = 30;

const NAMES = { client: "client", "server a": "server", "server b": "server" } as const;
export type ProxyName = keyof typeof NAMES;
const ALL = Object.keys(NAMES) as ProxyName[];

/** The secrets of one sidecar, served as its agent would. */
class Secrets {
  readonly #service = new SecretService();
  readonly #listener: GrpcListener;
  readonly #identity: string;
  uri = "";

  constructor(identity: string) {
    this.#identity = identity;
    const service = new GrpcService({ [SDS_PATH]: this.#service.method });
    const peer = { principal: "", address: "127.0.0.1" };
    this.#listener = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => peer);
    this.renew();
  }

  get port(): number {
    return this.#listener.port;
  }

  renew(): void {
    const { uri, chain, key } = identityOf(this.#identity, CERTIFICATE_MS);
    this.uri = uri;
    this.#service.update({ chain, key: new Secret(key), roots: ROOTS, notAfterMs: Date.now() + CERTIFICATE_MS });
  }

  stop(): void {
    this.#listener.stop();
  }
}

function ofEach<T>(make: (name: ProxyName) => T): Readonly<Record<ProxyName, T>> {
  return { client: make("client"), "server a": make("server a"), "server b": make("server b") };
}

function logsOf({ folder }: ProxyProcess): Readonly<Record<"http" | "visitors" | "bytes", string>> {
  const path = (name: string) => join(folder, `${name}.log`);
  return { http: path("http"), visitors: path("visitors"), bytes: path("bytes") };
}

async function servedPlaces(proxy: ProxyProcess): Promise<Readonly<Record<Served, Place>>> {
  const places = await proxy.places(SERVED);
  return { http: places.get("http")!, grpc: places.get("grpc")!, bytes: places.get("bytes")! };
}

export class SoakMesh {
  readonly proxies: Readonly<Record<ProxyName, ProxyProcess>>;
  readonly #secrets: Readonly<Record<ProxyName, Secrets>>;
  readonly #ports: Ports;
  readonly visitors: Place = { host: "127.0.0.1", port: closedPort() };
  #places: MeshPlaces | undefined;
  moment: Moment = AT_FIRST;

  private constructor(proxies: SoakMesh["proxies"], secrets: Readonly<Record<ProxyName, Secrets>>, ports: Ports) {
    this.proxies = proxies;
    this.#secrets = secrets;
    this.#ports = ports;
  }

  static async start(ports: Ports): Promise<SoakMesh> {
    const secrets = ofEach((name) => new Secrets(NAMES[name]));
    const started = ALL.map((name) =>
      ProxyProcess.start("heddle", name, {
        secretsPort: secrets[name].port,
        drainSeconds: DRAIN_SECONDS,
        preload: COLLECTOR,
      }),
    );
    const all = await Promise.all(started);
    const mesh = new SoakMesh(
      ofEach((name) => all[ALL.indexOf(name)]!),
      secrets,
      ports,
    );
    try {
      await mesh.#applyServers();
      const [a, b] = [mesh.#server("a"), mesh.#server("b")];
      mesh.#places = { a: await servedPlaces(a), b: await servedPlaces(b) };
      await mesh.#applyClient();
    } catch (thrown) {
      mesh.stop();
      throw thrown;
    }
    return mesh;
  }

  get client(): ProxyProcess {
    return this.proxies.client;
  }

  #server(name: ApplicationName): ProxyProcess {
    return this.proxies[`server ${name}`];
  }

  logs(name: ProxyName): ReturnType<typeof logsOf> {
    return logsOf(this.proxies[name]);
  }

  /** Resolves when every proxy has it. */
  async change(moment: Moment): Promise<void> {
    this.moment = moment;
    await Promise.all([this.#applyServers(), this.#applyClient()]);
  }

  renewCertificates(): void {
    for (const secrets of Object.values(this.#secrets)) secrets.renew();
  }

  async #applyServers(): Promise<void> {
    const { moment } = this;
    const client = this.#secrets.client.uri;
    const apply = (name: ApplicationName) => {
      const proxy = this.#server(name);
      const [ports, logs] = [this.#ports[name], logsOf(proxy)];
      return proxy.apply(serverResources({ moment, ports, client, logs }));
    };
    await Promise.all([apply("a"), apply("b")]);
  }

  #applyClient(): Promise<void> {
    const { moment, visitors, client: proxy } = this;
    const server = this.#secrets["server a"].uri;
    if (!this.#places) throw new Error("the servers' listeners are not open");
    const [mesh, ports, logs] = [this.#places, this.#ports, logsOf(proxy)];
    return proxy.apply(clientResources({ moment, mesh, ports, server, visitors, logs }));
  }

  /** What a proxy that ended said at last; undefined while all of them run. */
  get lastWords(): string | undefined {
    const ended = Object.entries(this.proxies).filter(([, { isAlive }]) => !isAlive);
    if (ended.length === 0) return undefined;
    return ended.map(([name, { output }]) => `the proxy ${JSON.stringify(name)} has ended: ${output}`).join("\n");
  }

  stop(): void {
    for (const proxy of Object.values(this.proxies)) proxy.kill();
    for (const secrets of Object.values(this.#secrets)) secrets.stop();
  }
}
