// A listener at work: accepts, looks at the first bytes where it must, chooses the filter chain, hands over to HTTP or TCP.

import { logger } from "../base/log.ts";
import type { Admission } from "../net/admission.ts";
import type { ByteStream, SocketAddress, TlsFacts } from "../net/byte-stream.ts";
import { keepAlive } from "../net/keepalive.ts";
import { type ListeningSocket, listen, type ServerTls } from "../net/listen.ts";
import { originalDestination } from "../net/original-destination.ts";
import type { SocketTransport } from "../net/socket.ts";
import { encodeAlpn, type NativeContext } from "../net/tls-context.ts";
import { peerNames } from "../pki/svid.ts";
import type { AccessLog } from "../table/http.ts";
import { type ChainFacts, chooseChain, type FilterChain, type Listener as ListenerTable } from "../table/listener.ts";
import { decideRbac } from "../table/rbac.ts";
import { acceptsName, type DownstreamTls } from "../table/transport-socket.ts";
import type { AccessLogs, BoundLog } from "./access-log.ts";
import { formatSocketAddress, readConnectionFacts } from "./connection-facts.ts";
import type { ProxyContext, RouteHolder } from "./context.ts";
import type { BoundHttp } from "./downstream.ts";
import { FilterChain as HttpFilterChain } from "./filter/chain.ts";
import { HttpConnection, httpLimits } from "./http-connection.ts";
import type { Secrets } from "./secrets.ts";
import { RAW, type Sniffed, Sniffer } from "./sniff.ts";
import { STATUS_CLASSES } from "./status-class.ts";
import { type BoundTcp, TcpConnection } from "./tcp-proxy.ts";

const log = logger("proxy");

/** Envoy's transport_socket_connect_timeout is off by default; a handshake that does not come is an attack or a mistake. */
const HANDSHAKE_TIMEOUT_MS = 15_000;

/** What a listener needs of the proxy. */
export interface ListenerContext extends ProxyContext {
  readonly secrets: Secrets;
  routes(name: string): RouteHolder;
  /** The listener that a captured connection to this address belongs to. */
  capturedBy(destination: SocketAddress): Listener | undefined;
  readonly reusePort: boolean;
  /** Counts the connections of all listeners. */
  readonly admission: Admission;
}

type Bound = { readonly kind: "http"; readonly http: BoundHttp } | { readonly kind: "tcp"; readonly tcp: BoundTcp };

interface Live {
  /** Requests under way, and bytes that the codec holds; a byte stream has neither. */
  readonly active?: number;
  readonly buffered?: number;
  drain(): void;
}

/** A chain with what the proxy resolved for it, and the connections that took it. It outlives its listener when an update leaves it as it is. */
interface BoundChain {
  readonly chain: FilterChain;
  readonly bound: Bound;
  readonly live: Set<Live>;
}

/** A bound socket. Whoever owns it accepts; an update of the listener changes the owner and not the socket. */
interface Door {
  owner: Listener;
  socket: ListeningSocket;
}

function allChains(table: ListenerTable): Set<FilterChain> {
  return new Set([
    ...table.matches.map(({ chain }) => chain),
    ...table.chains.values(),
    ...(table.defaultChain ? [table.defaultChain] : []),
  ]);
}

function serverTls(owner: () => Listener): ServerTls {
  return {
    context: () => owner().tlsContext(),
    get alpn() {
      return encodeAlpn(owner().table.tls?.alpn ?? []);
    },
    get clientCertificate() {
      const { tls } = owner().table;
      if (tls?.requireClientCertificate) return "required";
      return tls?.roots === undefined ? "none" : "optional";
    },
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    onHandshakeFailure: (detail, remote) => {
      const listener = owner();
      listener.stats.handshakeFailures++;
      log.debug("TLS handshake failed", { listener: listener.table.name, remote, detail });
    },
  };
}

/** What the handshake itself does not ask: a name among those that are expected of who presents a certificate, and SNI. */
function acceptsPeer(expected: DownstreamTls, proven: TlsFacts | undefined): boolean {
  if (expected.requireSni && (proven?.serverName ?? "") === "") return false;
  if (proven?.peerCertificate === undefined || expected.subjectAltNames.length === 0) return true;
  const names = peerNames(proven.peerCertificate);
  return names.kind === "parsed" && acceptsName(expected, names.value);
}

function sameAddress({ address: a }: ListenerTable, { address: b }: ListenerTable): boolean {
  return a.kind === "socket" && b.kind === "socket" && a.host === b.host && a.port === b.port;
}

function bindLogs(logs: readonly AccessLog[], files: AccessLogs): BoundLog[] {
  return logs.map(({ path, format, filter }) => ({ file: files.open(path), format, filter }));
}

export class Listener {
  readonly table: ListenerTable;
  readonly #context: ListenerContext;
  readonly #chains = new Map<FilterChain, BoundChain>();
  #door: Door | undefined;
  #inherited: ReadonlySet<BoundChain> = new Set();
  readonly stats: {
    accepted: number;
    handshakes: number;
    noChain: number;
    handshakeFailures: number;
    overflowed: number;
  };

  /** `before`: the listener that this one replaces; its counts go on, and chains that are the same with their connections. */
  constructor(table: ListenerTable, context: ListenerContext, before?: Listener) {
    this.table = table;
    this.#context = context;
    this.stats = before?.stats ?? { accepted: 0, handshakes: 0, noChain: 0, handshakeFailures: 0, overflowed: 0 };
    const kept = new Map([...(before ? before.#chains.values() : [])].map((chain) => [chain.chain.fingerprint, chain]));
    for (const chain of allChains(table)) {
      const known = kept.get(chain.fingerprint);
      this.#chains.set(chain, known ?? { chain, bound: this.#bind(chain), live: new Set() });
    }
  }

  /** Every route configuration that the listener waits for. */
  get routeNames(): readonly string[] {
    return [...this.#chains.values()].flatMap(({ bound }) =>
      bound.kind === "http" && bound.http.table.routes.kind === "rds" ? [bound.http.table.routes.name] : [],
    );
  }

  /** The port bound, 0 while it is not. */
  get port(): number {
    return this.#door?.socket.port ?? 0;
  }

  /** Its connection managers with what they count. */
  get managers(): readonly BoundHttp[] {
    return [...this.#chains.values()].flatMap(({ bound }) => (bound.kind === "http" ? [bound.http] : []));
  }

  /** Open connections, but for those that its heir goes on with. */
  get connections(): number {
    let count = 0;
    for (const chain of this.#chains.values()) if (!this.#inherited.has(chain)) count += chain.live.size;
    return count;
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

  #bind({ terminal }: FilterChain): Bound {
    const inbound = this.table.direction === "inbound";
    if (terminal.kind === "tcp") {
      return {
        kind: "tcp",
        tcp: {
          table: terminal.tcp,
          logs: bindLogs(terminal.tcp.accessLogs, this.#context.accessLogs),
          inbound,
          stats: { connections: 0, active: 0 },
        },
      };
    }
    const { http } = terminal;
    const routes: RouteHolder =
      http.routes.kind === "inline" ? { current: http.routes.routes } : this.#context.routes(http.routes.name);
    const stats = {
      connections: 0,
      active: 0,
      requests: 0,
      activeRequests: 0,
      refused: 0,
      classes: new Float64Array(STATUS_CLASSES),
      bytes: { received: 0, sent: 0 },
    };
    return {
      kind: "http",
      http: {
        table: http,
        limits: httpLimits(http),
        routes,
        filters: new HttpFilterChain(http.filters),
        logs: bindLogs(http.accessLogs, this.#context.accessLogs),
        inbound,
        stats,
      },
    };
  }

  /**
   * Opens the socket, or takes it over from the listener that this one replaces: no connection is refused in between.
   * @throws Failure when the address cannot be bound.
   */
  open(before?: Listener): void {
    const { address, bind, tls } = this.table;
    const inherited = before ? before.#door : undefined;
    if (before && inherited && before.#sharesSocketWith(this)) {
      before.#door = undefined;
      inherited.owner = this;
      this.#door = inherited;
      return;
    }
    // Another kind of socket on the same address: the old one must go first, or the bind fails.
    if (before && sameAddress(before.table, this.table)) before.stop();
    if (address.kind === "internal" || !bind) return;
    // The acceptor asks the door, not this listener: the owner changes with the configuration.
    const accept = (transport: SocketTransport) => door.owner.#accept(transport);
    const door: Door = {
      owner: this,
      socket: listen(
        { kind: "tcp", host: address.host, port: address.port, reusePort: this.#context.reusePort },
        tls && serverTls(() => door.owner),
        accept,
        this.#admission(() => door.owner),
      ),
    };
    this.#door = door;
  }

  /** Of all listeners together, counted where it refuses. */
  #admission(owner: () => Listener): Admission {
    const { admission } = this.#context;
    return {
      admit() {
        const admitted = admission.admit();
        if (!admitted) owner().stats.overflowed++;
        return admitted;
      },
      release: () => admission.release(),
    };
  }

  /** A certificate for the next handshake; undefined while it has not arrived. */
  tlsContext(): NativeContext | undefined {
    const { tls } = this.table;
    return tls && this.#context.secrets.context(tls.certificate, tls.roots);
  }

  #sharesSocketWith(other: Listener): boolean {
    const key = ({ address, bind, tls }: ListenerTable) =>
      JSON.stringify([address, bind, tls !== undefined, tls?.requireClientCertificate]);
    return key(this.table) === key(other.table);
  }

  #accept(transport: SocketTransport): void {
    if (this.table.tcpKeepalive) keepAlive(transport, this.table.tcpKeepalive);
    const destination = this.table.useOriginalDestination ? this.#destination(transport) : undefined;
    const owner = destination && this.#context.capturedBy(destination);
    (owner ?? this).take(transport, destination);
  }

  /** Not redirected, or redirected from its own address: then there is no other destination. */
  #destination(transport: SocketTransport): SocketAddress | undefined {
    const fd = transport.socket && "fd" in transport.socket ? Number(transport.socket.fd) : -1;
    return fd === -1 ? undefined : originalDestination(fd);
  }

  /** A connection that is this listener's, whoever accepted it. */
  take(stream: ByteStream, destination: SocketAddress | undefined): void {
    this.stats.accepted++;
    if (stream.tls) this.stats.handshakes++;
    const { sniff } = this.table;
    if (stream.tls || !sniff) {
      const { tls } = stream;
      this.#serve(
        stream,
        destination,
        tls
          ? { transport: "tls", serverName: tls.serverName, applicationProtocols: tls.alpn === "" ? [] : [tls.alpn] }
          : RAW,
        undefined,
      );
      return;
    }
    new Sniffer(stream, sniff, (sniffed, bytes, ended) => {
      if (sniffed === "closed") return;
      if (sniffed === "timeout" && !sniff.continueOnTimeout) stream.terminate();
      else this.#serve(stream, destination, sniffed === "timeout" ? RAW : sniffed, bytes);
      if (ended) stream.listener.ended(); // told once, and whoever serves it was not there yet
    });
  }

  #serve(
    stream: ByteStream,
    destination: SocketAddress | undefined,
    sniffed: Sniffed,
    first: Buffer | undefined,
  ): void {
    const facts = readConnectionFacts(stream, destination);
    const chainFacts: ChainFacts = {
      destinationAddress: facts.localAddress,
      destinationPort: facts.localPort,
      sourceAddress: facts.remoteAddress,
      ...sniffed,
    };
    const chain = chooseChain(this.table, chainFacts);
    const chosen = chain && this.#chains.get(chain);
    if (!chain || !chosen) {
      this.stats.noChain++;
      log.debug("no filter chain", {
        listener: this.table.name,
        remote: formatSocketAddress(stream.remote),
        ...sniffed,
      });
      stream.terminate();
      return;
    }
    if (chain.tls && !acceptsPeer(chain.tls, stream.tls)) {
      this.stats.handshakeFailures++;
      log.debug("TLS peer refused", { listener: this.table.name, principal: facts.principal, ...sniffed });
      stream.terminate();
      return;
    }
    if (chain.rbac.some((rules) => !decideRbac(rules, facts, undefined).allowed)) {
      stream.terminate();
      return;
    }
    const { bound, live } = chosen;
    if (bound.kind === "http") {
      const connection = new HttpConnection(this.#context, bound.http, facts, destination);
      live.add(connection);
      connection.start(stream, first, () => live.delete(connection));
    } else {
      const connection = new TcpConnection(this.#context, bound.tcp, facts, destination, stream);
      live.add(connection);
      connection.start(first, () => live.delete(connection));
    }
  }

  /** Accepts no more; connections finish what they carry, but for those of chains that `heir` goes on with. */
  drain(heir?: Listener): void {
    this.stop();
    if (heir) this.#inherited = new Set(heir.#chains.values());
    for (const chain of this.#chains.values()) {
      if (this.#inherited.has(chain)) continue;
      for (const live of [...chain.live]) live.drain();
    }
  }

  /** Closes the listening socket alone. */
  stop(): void {
    this.#door?.socket.stop();
    this.#door = undefined;
  }
}
