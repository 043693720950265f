// Opening a connection to a host: by address, with the host's TLS, proving its name.

import type { ByteStream } from "../../net/byte-stream.ts";
import { type ClientTls, type ConnectListener, connect } from "../../net/connect.ts";
import { keepAlive } from "../../net/keepalive.ts";
import { encodeAlpn } from "../../net/tls-context.ts";
import { peerNames } from "../../pki/svid.ts";
import type { Address } from "../../table/endpoint.ts";
import type { TcpKeepalive } from "../../table/tcp-keepalive.ts";
import { acceptsName, type UpstreamSocket } from "../../table/transport-socket.ts";
import type { Secrets } from "../secrets.ts";

/** Takes a connection to an internal listener of this proxy; undefined when there is none of that name. */
export type InternalDialer = (listener: string) => ByteStream | undefined;

/** As far as the cluster says how its connections are opened. */
export interface DialSettings {
  readonly connectTimeoutMs: number;
  readonly tcpKeepalive: TcpKeepalive | undefined;
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
): ClientTls | undefined {
  const context = secrets.context(socket.certificate, socket.roots);
  if (!context) return undefined;
  return {
    context,
    serverName: socket.sni,
    alpn: encodeAlpn(socket.alpn.length > 0 ? socket.alpn : alpn),
    verifyChain: socket.roots !== undefined,
    verifyName(certificate) {
      if (certificate === undefined) return "no certificate was presented";
      if (socket.subjectAltNames.length === 0) return undefined;
      const names = peerNames(certificate);
      if (names.kind === "malformed") return names.reason;
      const { uri, dnsNames } = names.value;
      if (!acceptsName(socket, names.value))
        return `certificate is of ${uri || dnsNames.join(", ") || "nobody"}, which is not one of the service's identities`;
      if (uri !== "") onPrincipal(uri);
      return undefined;
    },
  };
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
): void {
  if (address.kind === "internal") {
    const stream = internal(address.listener);
    if (stream) dialed.onConnected(stream, "");
    else dialed.onConnectFailure(`no internal listener ${address.listener}`);
    return;
  }
  let principal = "";
  const tls =
    socket.kind === "tls"
      ? clientTls(socket, alpn, secrets, (proven) => {
          principal = proven;
        })
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
  );
}
