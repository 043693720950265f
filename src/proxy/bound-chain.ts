// A filter chain with what the proxy resolved for it, and the connections that took it.

import { X509Certificate } from "node:crypto";
import { logger } from "../base/log.ts";
import { type ServerTls, TlsAcceptor } from "../net/tls-acceptor.ts";
import { peerNames } from "../pki/svid.ts";
import type { AccessLog, HttpTable } from "../table/http.ts";
import type { FilterChain, Listener as ListenerTable } from "../table/listener.ts";
import { acceptsName, type DownstreamTls } from "../table/transport-socket.ts";
import { type BoundLog, FileSink } from "./access-log.ts";
import type { ProxyContext, RouteHolder } from "./context.ts";
import type { BoundHttp } from "./downstream.ts";
import { FilterChain as HttpFilterChain } from "./filter/chain.ts";
import { httpLimits } from "./http-connection.ts";
import type { StreamAccount } from "./overload/stream-account.ts";
import type { Secrets } from "./secrets.ts";
import { STATUS_CLASSES } from "./status-class.ts";
import type { BoundTcp } from "./tcp-proxy.ts";
import { ManagerTracing } from "./tracing/request-trace.ts";
import { refusesChain } from "./trust-domains.ts";

const log = logger("proxy");

/** Envoy's transport_socket_connect_timeout is off by default; a handshake that does not come is an attack or a mistake. */
const HANDSHAKE_TIMEOUT_MS = 15_000;

export interface ListenerStats {
  accepted: number;
  handshakes: number;
  /** Closed because the proxy has as many connections as it may. */
  overflows: number;
  noChain: number;
  handshakeFailures: number;
}

export interface ChainContext extends ProxyContext {
  readonly secrets: Secrets;
  routes(name: string): RouteHolder;
}

type Bound = { readonly kind: "http"; readonly http: BoundHttp } | { readonly kind: "tcp"; readonly tcp: BoundTcp };

export interface Live {
  /** Requests under way, and bytes that the codec holds; a byte stream has neither. */
  readonly active?: number;
  readonly buffered?: number;
  readonly accounts?: readonly StreamAccount[];
  /** Under overload, on the clock of performance.now(): goes when it has carried nothing for the shortened time. */
  dropIfIdle?(now: number): void;
  /** Takes nothing new and ends after what is under way. */
  drain(): void;
  terminate(): void;
}

/** It outlives its listener when an update leaves it as it is. */
export interface BoundChain {
  readonly chain: FilterChain;
  readonly bound: Bound;
  readonly tls: TlsAcceptor | undefined;
  readonly live: Set<Live>;
}

export function bindLogs(logs: readonly AccessLog[], { accessLogs, streamedLogs }: ProxyContext): BoundLog[] {
  return logs.map(({ to, filter }) => ({
    sink: to.kind === "file" ? new FileSink(accessLogs.open(to.path), to.format) : streamedLogs.open(to),
    filter,
  }));
}

function bindTracing(
  { tracing, requestId }: HttpTable,
  { tracers }: ChainContext,
  isEgress: boolean,
): ManagerTracing | undefined {
  if (!tracing?.tracer) return undefined;
  const { tracer } = tracing;
  return new ManagerTracing(tracing, tracer, requestId, tracers.open(tracer), tracers.teller, isEgress);
}

/** `settings` is asked at every connection: a listening socket may get another listener, with another certificate. */
export function serverTls(
  settings: () => DownstreamTls | undefined,
  { secrets, overload }: ChainContext,
  listener: string,
  stats: () => ListenerStats,
  timeoutMs = 0,
): ServerTls {
  const handshakeTimeoutMs = timeoutMs || HANDSHAKE_TIMEOUT_MS;
  return {
    context: () => {
      const tls = settings();
      return tls && secrets.context(tls);
    },
    get alpn() {
      return settings()?.alpn ?? [];
    },
    get clientCertificate() {
      const tls = settings();
      if (tls?.requireClientCertificate) return "required";
      if (tls?.roots === undefined) return "none";
      return tls.acceptsUntrusted ? "any" : "optional";
    },
    handshakeTimeoutMs,
    handshakeWait: (sinceMs) => overload.wait("handshake", handshakeTimeoutMs, sinceMs),
    refuses: (serverName, certificate, chain) => {
      const tls = settings();
      const refusal = tls && refusesPeer(tls, serverName, certificate);
      if (!tls || refusal !== undefined || certificate === undefined) return refusal;
      const domains = tls.roots === undefined ? undefined : secrets.trustDomains(tls.roots);
      return domains && refusesChain(domains, chain(), "client");
    },
    onHandshakeFailure: (detail, remote) => {
      stats().handshakeFailures++;
      log.debug("TLS handshake failed", { listener, remote, detail });
    },
  };
}

/** One of either kind is enough (Envoy: DefaultCertValidator::verifyCertificate). */
function hasHash({ certificateHashes, publicKeyHashes }: DownstreamTls, certificate: Uint8Array): boolean {
  if (certificateHashes.length === 0 && publicKeyHashes.length === 0) return true;
  const digest = (bytes: Uint8Array, form: "hex" | "base64") =>
    new Bun.CryptoHasher("sha256").update(bytes).digest(form);
  if (certificateHashes.includes(digest(certificate, "hex"))) return true;
  if (publicKeyHashes.length === 0) return false;
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return publicKeyHashes.includes(digest(key, "base64"));
}

/** What the handshake itself does not ask: SNI, and a name among those that are expected of who presents a certificate. */
function refusesPeer(tls: DownstreamTls, serverName: string, certificate: Uint8Array | undefined): string | undefined {
  if (tls.requireSni && serverName === "") return "no SNI";
  if (certificate === undefined) return undefined;
  if (!hasHash(tls, certificate)) return "certificate has none of the hashes that are expected";
  if (tls.subjectAltNames.length === 0) return undefined;
  const names = peerNames(certificate);
  if (names.kind === "malformed") return names.reason;
  const { uri, dnsNames } = names.value;
  return acceptsName(tls, names.value) ? undefined : `certificate is of ${uri || dnsNames.join(", ") || "nobody"}`;
}

function bindTerminal(
  { terminal, tls, metrics, reportMs }: FilterChain,
  { direction, bufferLimitBytes }: ListenerTable,
  context: ChainContext,
  replaced: readonly BoundHttp[],
): Bound {
  const inbound = direction === "inbound";
  if (terminal.kind === "tcp") {
    const logs = bindLogs(terminal.tcp.accessLogs, context);
    const stats = { connections: 0, active: 0 };
    return { kind: "tcp", tcp: { table: terminal.tcp, logs, inbound, metrics, reportMs, bufferLimitBytes, stats } };
  }
  const { http } = terminal;
  const before = replaced.find(({ table }) => table.statPrefix === http.statPrefix);
  return {
    kind: "http",
    http: {
      table: http,
      limits: httpLimits(http, context.overload),
      routes: http.routes.kind === "inline" ? { current: http.routes.routes } : context.routes(http.routes.name),
      filters: new HttpFilterChain(http.filters),
      logs: bindLogs(http.accessLogs, context),
      tracing: bindTracing(http, context, direction === "outbound"),
      inbound,
      metrics,
      ownNames: () => (tls?.certificate === undefined ? [] : context.secrets.urisOf(tls.certificate)),
      // A manager that comes and goes between two scrapes is seen by none: what it counts is its successor's, too.
      stats: before?.stats ?? {
        connections: 0,
        active: 0,
        requests: 0,
        activeRequests: 0,
        refused: 0,
        classes: new Float64Array(STATUS_CLASSES),
        bytes: { received: 0, sent: 0 },
      },
    },
  };
}

/** `replaced`: the connection managers of the listener that this one's replaces. */
export function bindChain(
  chain: FilterChain,
  listener: ListenerTable,
  context: ChainContext,
  stats: ListenerStats,
  replaced: readonly BoundHttp[],
): BoundChain {
  const { tls, handshakeTimeoutMs } = chain;
  const settings =
    tls &&
    serverTls(
      () => tls,
      context,
      listener.name,
      () => stats,
      handshakeTimeoutMs,
    );
  return {
    chain,
    bound: bindTerminal(chain, listener, context, replaced),
    tls: settings && new TlsAcceptor(settings),
    live: new Set(),
  };
}
