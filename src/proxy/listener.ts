// A listener at work: accepts, looks at the first bytes where it must, chooses the filter chain, hands over to HTTP or TCP.

import type { JsonObject } from "@bufbuild/protobuf";
import { logger } from "../base/log.ts";
import { Alarm, timers } from "../base/timer-wheel.ts";
import { sameSocket } from "../net/accept-queue.ts";
import type { Admission } from "../net/admission.ts";
import type { ByteStream, SocketAddress } from "../net/byte-stream.ts";
import { keepAlive } from "../net/keepalive.ts";
import { type Binding, type ListeningSocket, listen } from "../net/listen.ts";
import { originalDestination } from "../net/original-destination.ts";
import { pipeFile, removePipe } from "../net/pipe.ts";
import { SocketTransport } from "../net/socket.ts";
import type { ServerTls } from "../net/tls-acceptor.ts";
import type { ChainFacts } from "../table/filter-chain-match.ts";
import { chooseChain, type FilterChain, type Listener as ListenerTable } from "../table/listener.ts";
import type { NetworkFilter } from "../table/network-filter.ts";
import {
  type BoundChain,
  bindChain,
  type ChainContext,
  type ListenerStats,
  type Live,
  serverTls,
} from "./bound-chain.ts";
import { formatSocketAddress, readConnectionFacts } from "./connection-facts.ts";
import type { BoundHttp } from "./downstream.ts";
import { HttpConnection } from "./http-connection.ts";
import { type InspectionListener, PeekingInspection, ReadingInspection } from "./inspection.ts";
import type { ListeningSockets, SocketPlace } from "./listening-sockets.ts";
import { closeLater, refusal } from "./network-filter.ts";
import type { HeldConnections } from "./overload/held-connections.ts";
import type { StreamAccount } from "./overload/stream-account.ts";
import { type Inspected, isInspected, NOTHING_INSPECTED } from "./sniff.ts";
import { logRefused, TcpConnection } from "./tcp-proxy.ts";

const log = logger("proxy");

/** What a listener needs of the proxy. */
export interface ListenerContext extends ChainContext {
  /** The listener that a captured connection to this address belongs to. */
  capturedBy(destination: SocketAddress): Listener | undefined;
  readonly sockets: ListeningSockets;
  /** Connections of a listener or chain that has gone are cut off after this (Envoy's --drain-time-s). */
  readonly listenerDrainMs: number;
  /** Counts the connections of all listeners. */
  readonly admission: Admission;
  readonly heldConnections: HeldConnections;
}

/** A bound socket. Whoever owns it accepts; an update of the listener changes the owner and not the socket. */
interface Door {
  readonly place: SocketPlace;
  owner: Listener;
  socket: ListeningSocket;
  /** Of a Unix socket with a path. */
  readonly file: string | undefined;
}

/** Why a listener accepts no more: another took its place, it was removed, or the proxy ends. */
export type Leaving =
  | { readonly kind: "replaced"; readonly by: Listener }
  | { readonly kind: "removed" }
  | { readonly kind: "ending" };

/** A connection on its way to its chain. */
interface Arriving {
  readonly stream: ByteStream;
  /** Where the client wanted to go, if that is another address than it reached. */
  readonly destination: SocketAddress | undefined;
  readonly inspected: Inspected;
  /** Bytes that were read already. */
  readonly first: Buffer | undefined;
}

function allChains(table: ListenerTable): Set<FilterChain> {
  return new Set([
    ...table.matches.map(({ chain }) => chain),
    ...table.chains.values(),
    ...(table.defaultChain ? [table.defaultChain] : []),
  ]);
}

/** What comes to the socket of one can go to the other. */
function sameKind(a: ListenerTable, b: ListenerTable): boolean {
  return (
    a.backlog === b.backlog &&
    (a.sharedTls === undefined) === (b.sharedTls === undefined) &&
    a.sharedTls?.requireClientCertificate === b.sharedTls?.requireClientCertificate &&
    a.sharedTls?.acceptsUntrusted === b.sharedTls?.acceptsUntrusted
  );
}

type BoundAddress = Exclude<ListenerTable["address"], { readonly kind: "internal" }>;

function addressOf(address: BoundAddress): Pick<SocketPlace, "host" | "port" | "pipeMode"> {
  return address.kind === "pipe" ? { host: address.path, port: 0, pipeMode: address.mode } : address;
}

/** Of all listeners together, counted where it refuses. */
function admissionOf({ admission, overload }: ListenerContext, onRefused: () => void): Admission {
  return {
    admit() {
      if (overload.reject_incoming_connections > 0 && overload.hits("reject_incoming_connections")) {
        overload.stats.connectionsRejected++;
        return false;
      }
      const admitted = admission.admit();
      if (!admitted) onRefused();
      return admitted;
    },
    release: () => admission.release(),
  };
}

export class Listener {
  readonly table: ListenerTable;
  readonly #context: ListenerContext;
  readonly #chains = new Map<FilterChain, BoundChain>();
  /** A chain has TLS of its own: first bytes must be left to it. */
  readonly #peeks: boolean;
  /** One for each address; none while it is not open. */
  #doors: readonly Door[] = [];
  #leaving: Leaving | undefined;
  /** The drain time has passed. */
  #isOver = false;
  /** Clients are told to go, those that come as well. */
  #sendsAway: boolean;
  #inherited: ReadonlySet<BoundChain> = new Set();
  readonly #cutOff = new Alarm(() => this.terminate());
  readonly stats: ListenerStats;

  /** `before`: the listener that this one replaces; its counts go on, and chains that are the same with their connections. */
  constructor(table: ListenerTable, context: ListenerContext, before?: Listener) {
    this.table = table;
    this.#context = context;
    this.#sendsAway = before ? before.#sendsAway : false;
    this.stats = before?.stats ?? { accepted: 0, handshakes: 0, overflows: 0, noChain: 0, handshakeFailures: 0 };
    const kept = new Map([...(before ? before.#chains.values() : [])].map((chain) => [chain.chain.fingerprint, chain]));
    for (const chain of allChains(table)) {
      const known = kept.get(chain.fingerprint);
      this.#chains.set(chain, known ?? bindChain(chain, table, context, this.stats, before?.managers ?? []));
    }
    this.#peeks = table.sharedTls === undefined && [...this.#chains.keys()].some(({ tls }) => tls);
  }

  /** Every route configuration that the listener waits for. */
  get routeNames(): readonly string[] {
    return [...this.#chains.values()].flatMap(({ bound }) =>
      bound.kind === "http" && bound.http.table.routes.kind === "rds" ? [bound.http.table.routes.name] : [],
    );
  }

  /** Every secret that the listener waits for. */
  get secretNames(): readonly string[] {
    return [...this.#chains.keys()].flatMap(({ tls }) =>
      [tls?.certificate, tls?.roots].flatMap((name) => (name === undefined ? [] : [name])),
    );
  }

  /** Those of them that the control plane serves. */
  get discoveredSecrets(): readonly string[] {
    return [...this.#chains.keys()].flatMap(({ tls }) => tls?.discovered ?? []);
  }

  /** How long it waits for routes before it opens without; 0 is for ever. */
  get routesTimeoutMs(): number {
    const times = this.managers.flatMap(({ table: { routes } }) =>
      routes.kind === "rds" ? [routes.fetchTimeoutMs] : [],
    );
    return times.includes(0) ? 0 : Math.max(0, ...times);
  }

  /** The port bound, 0 while it is not. */
  get port(): number {
    return this.#doors[0]?.socket.port ?? 0;
  }

  /** Of every address that is bound. */
  get ports(): readonly number[] {
    return this.#doors.map(({ socket }) => socket.port);
  }

  /** Its connection managers with what they count. */
  get managers(): readonly BoundHttp[] {
    return [...this.#chains.values()].flatMap(({ bound }) => (bound.kind === "http" ? [bound.http] : []));
  }

  /** What stands before the terminal filters of its chains. */
  get networkFilters(): readonly NetworkFilter[] {
    return [...this.#chains.values()].flatMap(({ chain }) => chain.filters);
  }

  /** Open connections, but for those that its heir goes on with. */
  get connections(): number {
    let count = 0;
    for (const chain of this.#chains.values()) if (!this.#inherited.has(chain)) count += chain.live.size;
    return count;
  }

  /** Of every request that is here. */
  get accounts(): readonly StreamAccount[] {
    return [...this.#chains.values()].flatMap(({ live }) => [...live].flatMap(({ accounts = [] }) => accounts));
  }

  /** What its connections hold between them. */
  get held(): { readonly streams: number; readonly bytes: number } {
    let streams = 0;
    let bytes = 0;
    for (const { live } of this.#chains.values()) {
      for (const { active = 0, buffered = 0 } of live) {
        streams += active;
        bytes += buffered;
      }
    }
    return { streams, bytes };
  }

  /**
   * Opens the sockets, or takes them over from the listener that this one replaces: of those on the same address no connection is refused or
   * lost in between.
   * @throws Failure when an address cannot be bound.
   */
  open(before?: Listener): void {
    const { address, bind, additionalAddresses } = this.table;
    if (address.kind === "internal" || !bind) return;
    const known = before ? [...before.#doors] : [];
    const isSame = before !== undefined && sameKind(before.table, this.table);
    const doors: Door[] = [];
    const replaced = new Map<Door, Door>();
    try {
      for (const { host, port, pipeMode } of [addressOf(address), ...additionalAddresses.map(addressOf)]) {
        const at = known.findIndex(
          ({ place }) => place.host === host && place.port === port && place.pipeMode === pipeMode,
        );
        const [old] = at < 0 ? [] : known.splice(at, 1);
        const door = old && isSame ? old : this.#openDoor(this.#place(host, port, pipeMode), old?.socket);
        if (old && door !== old) replaced.set(door, old);
        doors.push(door);
      }
    } catch (thrown) {
      for (const door of doors) if (door.owner === this) this.#abandon(door, replaced.has(door));
      throw thrown;
    }
    for (const door of doors) door.owner = this;
    for (const { socket } of replaced.values()) socket.stop();
    if (before) before.#doors = known;
    this.#doors = doors;
  }

  #place(host: string, port: number, pipeMode: number | undefined): SocketPlace {
    return { listener: this.table.name, host, port, backlog: this.table.backlog, pipeMode };
  }

  /**
   * What the socket calls for as long as it is open knows the door alone. Whoever opened it is replaced, and leads to its heir, and that to
   * the next: a door that kept hold of the first would keep all of them. No function here says `this`: what one of them holds, all do.
   */
  #openDoor(place: SocketPlace, before: ListeningSocket | undefined): Door {
    const { name: listener, backlog, sharedTls } = this.table;
    const context = this.#context;
    const handshakeTimeoutMs = this.#handshakeTimeoutMs;
    const accept = (transport: SocketTransport) => door.owner.#accept(transport);
    const tls = (): ServerTls =>
      serverTls(
        () => door.owner.table.sharedTls,
        context,
        listener,
        () => door.owner.stats,
        handshakeTimeoutMs,
      );
    const fd = before && sameSocket(before.descriptor);
    const binding: Binding =
      before && fd !== undefined
        ? { kind: "inherited", fd, port: before.port, backlog }
        : context.sockets.binding(place);
    const admission = admissionOf(context, () => door.owner.#overflow());
    const socket = listen(binding, sharedTls && tls(), accept, admission);
    const file = place.pipeMode === undefined ? undefined : pipeFile(place.host);
    const door: Door = { place, owner: this, socket, file };
    context.sockets.opened(place, socket);
    return door;
  }

  /** Before there is a chain to ask for it, the longest of all; 0 is the default. */
  get #handshakeTimeoutMs(): number {
    const times = [...this.#chains.keys()].map(({ handshakeTimeoutMs }) => handshakeTimeoutMs);
    return times.includes(0) ? 0 : Math.max(...times);
  }

  /** It did not come to be used: whoever waits is the one's that had the address before, if one had. */
  #abandon({ place, socket, file }: Door, hadAddress: boolean): void {
    socket.stop();
    if (hadAddress) return;
    removePipe(place.host, file);
    this.#context.sockets.closed(place);
  }

  #overflow(): void {
    this.stats.overflows++;
    log.debug("connection refused", { listener: this.table.name, reason: "as many connections as the proxy may have" });
  }

  #accept(transport: SocketTransport): void {
    if (this.table.tcpKeepalive) keepAlive(transport, this.table.tcpKeepalive);
    const destination = this.table.useOriginalDestination ? originalDestination(transport.descriptor) : undefined;
    const owner = (destination && this.#context.capturedBy(destination)) ?? this;
    if (this.#context.overload.stop_accepting_connections < 1) owner.take(transport, destination);
    else this.#context.heldConnections.hold(transport, () => owner.take(transport, destination));
  }

  /** A connection that is this listener's, whoever accepted it. */
  take(stream: ByteStream, destination: SocketAddress | undefined): void {
    this.stats.accepted++;
    if (stream.tls) this.stats.handshakes++;
    const { inspection } = this.table;
    const port = (destination ?? stream.local).port;
    if (stream.tls || !inspection || !isInspected(inspection, port)) {
      this.#choose({ stream, destination, inspected: NOTHING_INSPECTED, first: undefined });
      return;
    }
    const listener: InspectionListener = {
      onInspected: (inspected, first) =>
        this.#choose({
          stream,
          destination: inspected.proxied?.addresses?.destination ?? destination,
          inspected,
          first,
        }),
      onRefused: (reason) => this.#refuse(stream, reason),
    };
    if (this.#peeks && stream instanceof SocketTransport) new PeekingInspection(stream, inspection, port, listener);
    else new ReadingInspection(stream, inspection, port, listener);
  }

  #refuse(stream: ByteStream, reason: string, delayMs = 0): void {
    log.debug("connection refused", { listener: this.table.name, remote: formatSocketAddress(stream.remote), reason });
    if (delayMs === 0) stream.close();
    else closeLater(stream, delayMs);
  }

  /** What is in force now decides, whichever listener accepted the connection. */
  #choose(arriving: Arriving): void {
    if (this.#leaving?.kind === "replaced") {
      this.#leaving.by.#choose(arriving);
      return;
    }
    const { stream } = arriving;
    // Who was accepted before the listener went is served while it drains, as on Envoy.
    const chain = this.#isOver ? undefined : chooseChain(this.table, this.#chainFacts(arriving));
    const chosen = chain && this.#chains.get(chain);
    if (!chosen) {
      this.stats.noChain++;
      this.#refuse(stream, "no filter chain");
      return;
    }
    const raw = stream instanceof SocketTransport ? stream.socket : undefined;
    if (!chosen.tls || stream.tls || !raw) {
      stream.resume(); // a look ahead has paused it
      this.#serve(chosen, arriving);
      return;
    }
    const { sniffed } = arriving.inspected;
    const offered = sniffed.transport === "tls" ? sniffed.applicationProtocols : undefined;
    chosen.tls.secure(raw, offered, (secure) => {
      this.stats.handshakes++;
      this.#serve(chosen, { ...arriving, stream: secure });
    });
  }

  #chainFacts({ stream, destination, inspected: { sniffed, proxied } }: Arriving): ChainFacts {
    const local = destination ?? stream.local;
    const source = proxied?.addresses?.source ?? stream.remote;
    const { tls } = stream;
    return {
      destinationAddress: local.address,
      destinationPort: local.port,
      sourceAddress: source.address,
      sourcePort: source.port,
      directSourceAddress: stream.remote.address,
      serverName: tls?.serverName.toLowerCase() ?? sniffed.serverName,
      transport: tls ? "tls" : sniffed.transport,
      applicationProtocols: tls ? (tls.alpn === "" ? [] : [tls.alpn]) : sniffed.applicationProtocols,
    };
  }

  #serve(chosen: BoundChain, { stream, destination, inspected, first }: Arriving): void {
    const { bound, live } = chosen;
    const facts = readConnectionFacts(stream, destination, inspected);
    const logs = bound.kind === "tcp" ? bound.tcp.logs : bound.http.logs;
    if (stream.tls && logs.length > 0) facts.keepTls(logs.some(({ sink }) => sink.tellsCertificates));
    const said: JsonObject[] = [];
    const limit = refusal(chosen, facts, said, this.#context.shared);
    if (limit) {
      if (bound.kind === "tcp" && limit.details !== undefined) logRefused(bound.tcp, facts, said, limit.details);
      this.#refuse(stream, limit.reason, limit.delayMs);
      return;
    }
    let connection: Live;
    if (bound.kind === "http") {
      const http = new HttpConnection(this.#context, bound.http, facts, destination);
      connection = http;
      live.add(http);
      http.start(stream, first, () => live.delete(http));
    } else {
      const tlvs = inspected.proxied?.tlvs ?? [];
      const tcp = new TcpConnection(this.#context, bound.tcp, { stream, facts, destination, tlvs, said });
      connection = tcp;
      live.add(tcp);
      tcp.start(first, () => live.delete(tcp));
    }
    // The handshake took longer than the listener was there, or it came while the others are told to go.
    if (this.#sendsAway || (this.#leaving && !this.#inherited.has(chosen))) connection.drain();
  }

  /** Under overload: idle connections go sooner. */
  dropIdle(now: number): void {
    for (const { live } of this.#chains.values()) for (const one of [...live]) one.dropIfIdle?.(now);
  }

  /**
   * Accepts those that wait, and no more; connections finish what they carry within the drain time, but for those of chains that its heir
   * goes on with. Byte streams have no words for that: they go on until then (Envoy's tcp_proxy does not ask for the drain decision either).
   */
  drain(leaving: Leaving): void {
    const { sockets } = this.#context;
    const isHandedOn = leaving.kind === "ending" && sockets.outliveProcess;
    this.#close(isHandedOn ? "at once" : "after the rest", isHandedOn);
    this.#leaving = leaving;
    if (leaving.kind === "replaced") this.#inherited = new Set(leaving.by.#chains.values());
    for (const live of this.#own()) live.drain();
    timers.arm(this.#cutOff, this.#context.listenerDrainMs);
  }

  /** Ends every connection, but for those that its heir goes on with. */
  terminate(): void {
    this.#close("at once", this.#context.sockets.outliveProcess);
    this.#isOver = true;
    timers.disarm(this.#cutOff);
    for (const live of this.#own()) live.terminate();
  }

  #own(): Live[] {
    return [...this.#chains.values()].flatMap((chain) => (this.#inherited.has(chain) ? [] : [...chain.live]));
  }

  /** Connections finish what they carry; others are accepted, and told the same (Envoy: ListenerImpl::drainClose). */
  drainConnections(): void {
    this.#sendsAway = true;
    for (const { live } of this.#chains.values()) for (const one of [...live]) one.drain();
  }

  /** Closes the listening sockets alone. `isHandedOn`: another process has them. */
  #close(when: "at once" | "after the rest", isHandedOn: boolean): void {
    const doors = this.#doors;
    this.#doors = [];
    for (const { place, socket, file } of doors) {
      // First: to Unix sockets the kernel lets clients come until they are closed (unix_stream_connect looks at no filter).
      if (!isHandedOn) removePipe(place.host, file);
      if (when === "at once") socket.stop();
      else socket.stopAfterRest();
      this.#context.sockets.closed(place);
    }
  }
}
