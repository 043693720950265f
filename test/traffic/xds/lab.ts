// A client's and a server's proxy of one kind, for all the cases of a run; the applications between which they stand are everybody's.

import { join } from "node:path";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { until } from "../../../src/base/until-fixture.ts";
import { Application } from "./application.ts";
import { BytesApplication } from "./bytes.ts";
import {
  addResources,
  type CaseConfiguration,
  clientResources,
  type EndpointName,
  type Leg,
  type Places,
  type ServerConfiguration,
} from "./configuration.ts";
import { Log, type LogLine, logFormat } from "./logs.ts";
import { httpManager, type Message, type Place, socketAddress, type UpstreamHttp } from "./message.ts";
import { ProxyProcess } from "./process.ts";
import { type ServedApplication, serverListenerName, serverResources } from "./server-side.ts";

export const APPLICATIONS = { v1: new Application("v1"), v2: new Application("v2"), v3: new Application("v3") };
export const BYTES = new BytesApplication();
/** tcpmux: unlike a port that was free a moment ago, no system gives it to anybody. */
const CLOSED = 1;
const NO_CHANGES: ServerConfiguration = {};
const HTTP = ["http1", "http2"] as const;

/** What belongs to no case. */
const BASE = "base";
const BYTES_LISTENER = serverListenerName(BASE, "bytes", "tcp");
const SERVED = Object.values(APPLICATIONS).map(({ name, port }) => ({ name, port }));

/** Answers 204 to everything: when it does, the proxy's worker has got what came before it. */
function marker(name: string, host: string): Message {
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 204 } }];
  const route_config = { name, virtual_hosts: [{ name, domains: ["*"], routes }] };
  return { name, address: socketAddress(0, host), filter_chains: [{ filters: [httpManager({ route_config })] }] };
}

/** What a case has in force. */
export interface Applied {
  readonly place: Place;
  readonly log: Log;
  readonly serverLog: Log;
  /** Puts other configuration in place of it, on the same listener; resolves when it is in force. */
  update(config: CaseConfiguration): Promise<void>;
}

export class Lab {
  readonly kind: ProxyKind;
  readonly client: ProxyProcess;
  readonly server: ProxyProcess;
  #cases = 0;
  readonly #base: ReturnType<typeof serverResources>;
  /** One file for all cases of a proxy: Envoy never closes one, and each costs it a thread and a hundred looks a second. */
  readonly #clientLog: string;
  readonly #serverLog: string;
  #basePlaces: ReadonlyMap<string, Place> = new Map();

  private constructor(kind: ProxyKind, client: ProxyProcess, server: ProxyProcess) {
    this.kind = kind;
    this.client = client;
    this.server = server;
    this.#clientLog = join(client.folder, "access.log");
    this.#serverLog = join(server.folder, "access.log");
    const log = { path: this.#serverLog, format: logFormat({}, BASE) };
    this.#base = addResources(
      serverResources(BASE, "127.0.0.1", SERVED, HTTP, NO_CHANGES, log),
      serverResources(BASE, "127.0.0.1", [{ name: "bytes", port: BYTES.port }], ["tcp"], NO_CHANGES, log),
    );
  }

  static async start(kind: ProxyKind): Promise<Lab> {
    const [client, server] = await Promise.all([
      ProxyProcess.start(kind, "client"),
      ProxyProcess.start(kind, "server"),
    ]);
    const lab = new Lab(kind, client, server);
    await server.apply(lab.#base);
    const names = HTTP.flatMap((http) => SERVED.map(({ name }) => serverListenerName(BASE, name, http)));
    lab.#basePlaces = await server.places([...names, BYTES_LISTENER]);
    return lab;
  }

  /** @throws Error with the proxy's words when it refuses something. */
  async apply(config: CaseConfiguration, leg: Leg): Promise<Applied> {
    const host = this.#newHost();
    const name = `case-${this.#cases}`;
    // Clusters of the same name are to begin anew: connections, circuit breakers, statistics.
    await this.client.apply({});
    const places = await this.#places(config, name, host);
    const logPath = this.#clientLog;
    const settings = { leg, name, host, logPath, logFormat: logFormat(config.log, name), places };
    const log = new Log(logPath, config.log, name);
    // The server's listeners are those of all cases, but for those that have their own: a line of the last one may still come.
    const isOwn = (line: LogLine) => log.lines.some(({ id }) => id === line.id);
    const serverLog = config.server
      ? new Log(this.#serverLog, {}, name)
      : new Log(this.#serverLog, {}, ownPorts(config).length > 0 ? name : BASE, isOwn);
    await this.client.apply(clientResources(config, settings));
    const place = await this.client.place(name);
    const update = async (next: CaseConfiguration) => {
      const resources = clientResources(next, settings);
      await this.client.apply(resources);
      await this.#reachesWorkers(resources);
    };
    return { place, log, serverLog, update };
  }

  /**
   * An address of loopback that no listener had yet. With port 0, a new listener of Envoy takes over the socket of one that drains on the
   * same address: what answers there would be the last case for a moment.
   */
  #newHost(): string {
    const n = ++this.#cases;
    return `127.1.${Math.floor(n / 250)}.${(n % 250) + 1}`;
  }

  /** A listener that comes after the change answers when the change has come. */
  async #reachesWorkers(resources: ReturnType<typeof clientResources>): Promise<void> {
    const host = this.#newHost();
    const name = `marker-${this.#cases}`;
    await this.client.apply(addResources(resources, { lds: [marker(name, host)] }));
    const { port } = await this.client.place(name);
    const url = `http://${host}:${port}/`;
    await until("the marker", async () => (await fetch(url, { keepalive: false })).status === 204);
  }

  async #places(config: CaseConfiguration, name: string, host: string): Promise<Places> {
    const protocol: UpstreamHttp = config.application ?? "http1";
    const ports = ownPorts(config);
    const isOwn = config.server !== undefined || ports.length > 0;
    const served = [...SERVED, ...ports.map((port) => ({ name: String(port), port }))];
    const places = isOwn ? await this.#ownServer(config.server ?? {}, name, host, protocol, served) : this.#basePlaces;
    const prefix = isOwn ? name : BASE;
    return {
      plain: (endpoint) => plainPlace(endpoint),
      mesh: (endpoint) => {
        if (endpoint === "bytes") return this.#basePlaces.get(BYTES_LISTENER)!;
        return places.get(serverListenerName(prefix, String(endpoint), protocol)) ?? plainPlace(endpoint);
      },
    };
  }

  async #ownServer(
    config: ServerConfiguration,
    name: string,
    host: string,
    protocol: UpstreamHttp,
    served: readonly ServedApplication[],
  ): Promise<ReadonlyMap<string, Place>> {
    const log = { path: this.#serverLog, format: logFormat({}, name) };
    const own = serverResources(name, host, served, [protocol], config, log);
    await this.server.apply(addResources(this.#base, own));
    return this.server.places(served.map((application) => serverListenerName(name, application.name, protocol)));
  }

  get isAlive(): boolean {
    return this.client.isAlive && this.server.isAlive;
  }

  stop(): void {
    this.client.kill();
    this.server.kill();
  }
}

/** Of applications that the case brought: the server's side has no listener for them yet. */
function ownPorts({ endpoints = [], clusters = {} }: CaseConfiguration): readonly number[] {
  const all = Object.values(clusters).flatMap(({ endpoints: own = [], localities = [] }) => [
    ...own,
    ...localities.flatMap((locality) => locality.endpoints),
  ]);
  const names = [...endpoints, ...all].map((parts) => (typeof parts === "object" ? parts.to : parts));
  return [...new Set(names.filter((name) => typeof name === "number"))];
}

function plainPlace(endpoint: EndpointName): Place {
  const host = "127.0.0.1";
  if (typeof endpoint === "number") return { host, port: endpoint };
  if (endpoint === "closed") return { host, port: CLOSED };
  return { host, port: endpoint === "bytes" ? BYTES.port : APPLICATIONS[endpoint].port };
}

const labs = new Map<ProxyKind, Promise<Lab>>();

/** Started once a run, whatever the number of files that ask; and anew when one of its processes ended. */
export async function labOf(kind: ProxyKind): Promise<Lab> {
  const running = await labs.get(kind)?.catch(() => undefined);
  if (running?.isAlive) return running;
  running?.stop();
  const lab = Lab.start(kind);
  labs.set(kind, lab);
  return lab;
}
