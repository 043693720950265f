// Opening a connection to a host: by address, with the host's TLS, proving its name.

import type { ByteStream, SocketAddress } from "../../net/byte-stream.ts";
import { type ClientTls, type ConnectListener, connect } from "../../net/connect.ts";
import { keepAlive } from "../../net/keepalive.ts";
import { encodeProxyV1, encodeProxyV2, PROXY_V2_LOCAL, type Tlv } from "../../net/proxy-protocol.ts";
import { encodeAlpn } from "../../net/tls-context.ts";
import { peerNames } from "../../pki/svid.ts";
import type { Address } from "../../table/endpoint.ts";
import type { TcpKeepalive } from "../../table/tcp-keepalive.ts";
import { acceptsName, type UpstreamProxyProtocol, type UpstreamSocket } from "../../table/transport-socket.ts";
import type { Secrets } from "../secrets.ts";
import { refusesChain } from "../trust-domains.ts";

/** For whom a connection is opened: what a PROXY header tells the host, and an internal listener takes for its connection's addresses. */
export interface OnBehalf {
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
  readonly tlvs: readonly Tlv[];
}

/** Takes a connection to an internal listener of this proxy; undefined when there is none of that name. */
export type InternalDialer = (listener: string, onBehalf: OnBehalf | undefined) => ByteStream | undefined;

/** As far as the cluster says how its connections are opened. */
export interface DialSettings {
  readonly connectTimeoutMs: number;
  readonly tcpKeepalive: TcpKeepalive | undefined;
}

/** What a request says of the host that it is for, where the cluster takes it; undefined: the TLS context says it alone. */
export interface RequestNames {
  /** Sent in place of the context's. */
  readonly serverName: string | undefined;
  /** A name that the certificate must have, beside one of the context's. */
  readonly certificate: string | undefined;
}

/** What a connection's own chain says of its TLS. */
export interface Asked extends Partial<RequestNames> {
  /** Offered in place of what the context says. */
  readonly alpn?: readonly string[] | undefined;
}

export interface Dialed {
  onConnected(stream: ByteStream, principal: string): void;
  onConnectFailure(detail: string): void;
}

function clientTls(
  socket: UpstreamSocket & { kind: "tls" },
  alpn: readonly string[],
  secrets: Secrets,
  onPrincipal: (principal: string) => void,
  asked: Asked | undefined,
): ClientTls | undefined {
  const context = secrets.context(socket);
  if (!context) return undefined;
  // Of a server that nobody verifies, Envoy does not look at the name either.
  const name = socket.roots === undefined ? undefined : asked?.certificate;
  return {
    context,
    serverName: asked?.serverName ?? socket.sni,
    alpn: encodeAlpn(asked?.alpn ?? (socket.alpn.length > 0 ? socket.alpn : alpn)),
    verifyChain: socket.roots !== undefined,
    verifyName(certificate, chain) {
      if (certificate === undefined) return "no certificate was presented";
      const domains = socket.roots === undefined ? undefined : secrets.trustDomains(socket.roots);
      const refusal = domains && refusesChain(domains, chain(), "server");
      if (refusal !== undefined) return refusal;
      if (socket.subjectAltNames.length === 0 && name === undefined) return undefined;
      const names = peerNames(certificate);
      if (names.kind === "malformed") return names.reason;
      const { uri, dnsNames } = names.value;
      if (name !== undefined && !acceptsName(exactly(name), names.value))
        return `certificate is of ${dnsNames.join(", ") || uri || "nobody"}, and the request is for ${name}`;
      if (!acceptsName(socket, names.value))
        return `certificate is of ${uri || dnsNames.join(", ") || "nobody"}, which is not one of the service's identities`;
      if (uri !== "") onPrincipal(uri);
      return undefined;
    },
  };
}

function exactly(name: string): Parameters<typeof acceptsName>[0] {
  return { subjectAltNames: [{ type: "dns", match: { kind: "exact", text: name, ignoreCase: true } }] };
}

/** `alpn`: what is offered when the configuration leaves it to the codec, as Envoy does. */
export function dial(
  address: Address,
  socket: UpstreamSocket,
  alpn: readonly string[],
  settings: DialSettings,
  secrets: Secrets,
  internal: InternalDialer,
  dialed: Dialed,
  onBehalf?: OnBehalf,
  asked?: Asked,
): void {
  if (address.kind === "internal") {
    const { destination } = address;
    const stream = internal(address.listener, onBehalf && destination ? { ...onBehalf, destination } : onBehalf);
    if (stream) dialed.onConnected(stream, "");
    else dialed.onConnectFailure(`no internal listener ${address.listener}`);
    return;
  }
  let principal = "";
  const tls =
    socket.kind === "tls"
      ? clientTls(
          socket,
          alpn,
          secrets,
          (proven) => {
            principal = proven;
          },
          asked,
        )
      : undefined;
  if (socket.kind === "tls" && !tls) {
    dialed.onConnectFailure(`secret ${socket.certificate ?? socket.roots} has not arrived`);
    return;
  }
  const listener: ConnectListener = {
    onConnected(transport) {
      if (settings.tcpKeepalive) keepAlive(transport, settings.tcpKeepalive);
      dialed.onConnected(transport, principal);
    },
    onConnectFailure: (detail) => dialed.onConnectFailure(detail),
  };
  connect(
    address.kind === "pipe"
      ? { kind: "unix", path: address.path }
      : { kind: "tcp", host: address.host, port: address.port },
    tls,
    settings.connectTimeoutMs,
    listener,
    socket.proxyProtocol && ((local, remote) => prefaceOf(socket.proxyProtocol!, onBehalf, local, remote)),
  );
}

/** What goes out before everything else. Without anybody to speak for: the connection's own addresses, or version 2's LOCAL. */
function prefaceOf(
  { version, tlvs }: UpstreamProxyProtocol,
  onBehalf: OnBehalf | undefined,
  local: SocketAddress,
  remote: SocketAddress,
): Buffer {
  if (version === "v1") return encodeProxyV1(onBehalf?.source ?? local, onBehalf?.destination ?? remote);
  if (!onBehalf) return PROXY_V2_LOCAL;
  const passed = tlvs === "all" ? onBehalf.tlvs : onBehalf.tlvs.filter(({ type }) => tlvs.includes(type));
  return encodeProxyV2(onBehalf.source, onBehalf.destination, passed);
}
