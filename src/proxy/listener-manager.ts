// The listeners in force (Envoy: ListenerManagerImpl). One opens when its routes and secrets are here; what it replaces serves until then,
// and drains.

import { logger } from "../base/log.ts";
import type { ByteStream, SocketAddress } from "../net/byte-stream.ts";
import type { Listener as ListenerTable } from "../table/listener.ts";
import type { UdpListener as UdpListenerTable } from "../table/udp.ts";
import type { ClusterManager } from "./cluster-manager.ts";
import { duplicateAddress } from "./duplicate-address.ts";
import { internalStreams } from "./internal-stream.ts";
import { Listener, type ListenerContext } from "./listener.ts";
import type { StreamAccount } from "./overload/stream-account.ts";
import type { RouteManager } from "./route-manager.ts";
import type { Secrets } from "./secrets.ts";
import { UdpListener } from "./udp-listener.ts";
import type { InternalDialer } from "./upstream/dial.ts";

const log = logger("proxy");

const NONE_CLOSED: ReadonlyMap<string, string> = new Map();

/** What listeners wait for. */
export interface ListenerNeeds {
  readonly clusters: ClusterManager;
  readonly routes: RouteManager;
  readonly secrets: Secrets;
}

export class ListenerManager {
  readonly #context: ListenerContext;
  readonly #needs: ListenerNeeds;
  readonly #listeners = new Map<string, Listener>();
  readonly #udpListeners = new Map<string, UdpListener>();
  #ownPorts: ReadonlySet<number> = new Set();
  /** Waiting for routes or secrets, by name. */
  readonly #warming = new Map<string, Listener>();
  /** Waiting ones whose routes did not come in time. */
  readonly #routeless = new WeakSet<Listener>();
  /** The first clusters are in force. Listeners wait for them, as Envoy asks for its listeners after its clusters. */
  #initialized = false;
  /** Replaced or removed, with connections that still finish what they carry. */
  readonly #leaving = new Set<Listener>();

  constructor(context: ListenerContext, needs: ListenerNeeds) {
    this.#context = context;
    this.#needs = needs;
  }

  get listeners(): ReadonlyMap<string, Listener> {
    return this.#listeners;
  }

  get udpListeners(): ReadonlyMap<string, UdpListener> {
    return this.#udpListeners;
  }

  /** The names of the route configurations that listeners ask for. */
  get routeNames(): ReadonlySet<string> {
    return new Set([...this.#listeners.values(), ...this.#warming.values()].flatMap((listener) => listener.routeNames));
  }

  /** The names of the secrets that they ask the control plane for. */
  get discoveredSecrets(): ReadonlySet<string> {
    const listeners = [...this.#listeners.values(), ...this.#warming.values()];
    return new Set(listeners.flatMap((listener) => listener.discoveredSecrets));
  }

  // ── set and removed ──

  /** Why a listener cannot be beside those that are there. */
  refusalOf(table: ListenerTable | UdpListenerTable): string | undefined {
    if (table.protocol === "udp") return undefined;
    return duplicateAddress(table, [...this.#listeners.values(), ...this.#warming.values()]);
  }

  /** @returns why it could not be opened, when everything that it needs is here. */
  setListener(table: ListenerTable | UdpListenerTable): string | undefined {
    if (table.protocol === "tcp") return this.#setTcpListener(table);
    this.#setUdpListener(table);
    return undefined;
  }

  #setTcpListener(table: ListenerTable): string | undefined {
    this.#removeUdpListener(table.name);
    const before = this.#listeners.get(table.name);
    const listener = new Listener(table, this.#context, before);
    this.#warming.set(table.name, listener);
    if (listener.routesTimeoutMs > 0)
      setTimeout(() => {
        this.#routeless.add(listener);
        this.openWarm();
      }, listener.routesTimeoutMs).unref();
    return this.openWarm().get(table.name);
  }

  /** Nothing to wait for: clusters are looked up as datagrams come. */
  #setUdpListener(table: UdpListenerTable): void {
    const before = this.#udpListeners.get(table.name);
    this.removeListener(table.name);
    const listener = new UdpListener(table, this.#context, before);
    this.#udpListeners.set(table.name, listener);
    listener.open();
  }

  removeListener(name: string): void {
    this.#removeUdpListener(name);
    this.#warming.delete(name);
    this.#leave(this.#listeners.get(name));
    this.#listeners.delete(name);
    this.#findOwnPorts();
  }

  #removeUdpListener(name: string): void {
    this.#udpListeners.get(name)?.stop();
    this.#udpListeners.delete(name);
  }

  #leave(listener: Listener | undefined, heir?: Listener): void {
    listener?.drain(heir ? { kind: "replaced", by: heir } : { kind: "removed" });
    if (listener) this.#leaving.add(listener);
    for (const one of this.#leaving) if (one.connections === 0) this.#leaving.delete(one);
  }

  #findOwnPorts(): void {
    this.#ownPorts = new Set([...this.#listeners.values()].flatMap(({ ports }) => ports));
  }

  // ── warming ──

  get warmingNames(): readonly string[] {
    return [...this.#warming.keys()];
  }

  /** What each listener that warms still waits for. */
  get warming(): readonly { readonly name: string; readonly waitsFor: readonly string[] }[] {
    const clusters = this.#initialized ? [] : this.#needs.clusters.warming.map((name) => `Cluster ${name}`);
    return [...this.#warming].map(([name, listener]) => ({
      name,
      waitsFor: [...clusters, ...this.#missing(listener)],
    }));
  }

  #missing(listener: Listener): readonly string[] {
    const { routes, secrets } = this.#needs;
    const missing = listener.secretNames.filter((name) => !secrets.has(name)).map((name) => `SdsApi ${name}`);
    if (this.#routeless.has(listener)) return missing;
    const routeless = listener.routeNames.filter((name) => !routes.isInForce(name));
    return [...missing, ...routeless.map((name) => `RdsRouteConfigSubscription ${name}`)];
  }

  #isWarm(listener: Listener): boolean {
    return this.#missing(listener).length === 0;
  }

  /** Something has come that listeners may wait for. @returns the listeners that stay closed, with the reasons. */
  openWarm(): ReadonlyMap<string, string> {
    if (this.#warming.size === 0) return NONE_CLOSED;
    this.#initialized ||= !this.#needs.clusters.isWarming;
    if (!this.#initialized) return NONE_CLOSED;
    const closed = new Map<string, string>();
    for (const [name, listener] of this.#warming) {
      if (!this.#isWarm(listener)) continue;
      this.#warming.delete(name);
      const before = this.#listeners.get(name);
      try {
        listener.open(before);
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown.message : String(thrown);
        log.error("listener stays closed", { listener: name, error });
        closed.set(name, error);
        continue;
      }
      this.#listeners.set(name, listener);
      this.#leave(before, listener);
      this.#findOwnPorts();
    }
    return closed;
  }

  // ── found by address or name ──

  isOwnPort(port: number): boolean {
    return this.#ownPorts.has(port);
  }

  /** Istio's: the listener of the very address, else the one of any address with that port. */
  capturedBy({ address, port }: SocketAddress): Listener | undefined {
    let wildcard: Listener | undefined;
    for (const listener of this.#listeners.values()) {
      const { table } = listener;
      if (table.bind || table.address.kind !== "socket" || table.address.port !== port) continue;
      if (table.address.host === address) return listener;
      if (table.address.host === "0.0.0.0" || table.address.host === "::") wildcard = listener;
    }
    return wildcard;
  }

  /** Resolves names of internal listeners for the dialer. */
  readonly dialInternal: InternalDialer = (name, onBehalf): ByteStream | undefined => {
    const listener = this.#listeners.get(name);
    if (!listener) return undefined;
    const nowhere: SocketAddress = { address: "127.0.0.1", port: 0 };
    const [connecting, accepting] = internalStreams(onBehalf?.source ?? nowhere, onBehalf?.destination ?? nowhere);
    listener.take(accepting, listener.table.useOriginalDestination ? onBehalf?.destination : undefined);
    return connecting;
  };

  // ── connections ──

  get connections(): number {
    let count = 0;
    for (const listener of this.#listeners.values()) count += listener.connections;
    for (const listener of this.#leaving) count += listener.connections;
    return count;
  }

  /** Under overload, on the clock of performance.now(). */
  dropIdle(now: number): void {
    for (const listener of this.#listeners.values()) listener.dropIdle(now);
    for (const listener of this.#leaving) listener.dropIdle(now);
  }

  get accounts(): readonly StreamAccount[] {
    return [...this.#listeners.values(), ...this.#leaving].flatMap(({ accounts }) => accounts);
  }

  /** No new connections. */
  drain(): void {
    this.#warming.clear();
    for (const listener of this.#listeners.values()) listener.drain({ kind: "ending" });
  }

  /** Whatever is still open is cut off. */
  close(): void {
    for (const listener of [...this.#listeners.values(), ...this.#leaving]) listener.terminate();
    for (const listener of this.#udpListeners.values()) listener.stop();
  }
}
