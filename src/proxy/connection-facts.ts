// What is known of a downstream connection before its first request, read once and kept.

import type { ByteStream, SocketAddress, TlsSession } from "../net/byte-stream.ts";
import type { FilterState } from "../table/filter-state.ts";
import type { ConnectionFacts } from "../table/request.ts";
import { type PeerCertificate, peerCertificate } from "./peer-certificate.ts";
import type { Inspected } from "./sniff.ts";

/** What logs can say of a connection beyond what decisions look at. */
export interface DownstreamFacts extends ConnectionFacts {
  /** Counted from 0, as Envoy does. */
  readonly connectionId: number;
  /** The connection's own ends, whatever a PROXY header says or where it was going before it was captured. */
  readonly directRemote: SocketAddress;
  readonly directLocal: SocketAddress;
  readonly peer: PeerCertificate | undefined;
  /** Showed a certificate that proves nothing. */
  readonly unprovenPeer?: PeerCertificate | undefined;
  readonly tls: TlsSession | undefined;
  /** That the client was shown. */
  readonly own: PeerCertificate | undefined;
  /** Who tells of the connection when it is over asks in time: a socket that is gone knows nothing of its handshake. */
  keepTls(withOwn: boolean): void;
  /** What the filters of its chain keep of it; undefined: nothing. */
  filterState: FilterState | undefined;
}

let connections = 0;

/** `127.0.0.1:80`, `[::1]:80`; a Unix socket has neither. */
export function formatSocketAddress({ address, port }: SocketAddress): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What addresses alone say. `direct`: the connection's own ends. */
export function factsBetween(
  remote: SocketAddress,
  local: SocketAddress,
  direct: { readonly remote: SocketAddress; readonly local: SocketAddress },
): DownstreamFacts {
  return {
    remoteAddress: remote.address,
    remotePort: remote.port,
    directRemoteAddress: direct.remote.address,
    localAddress: local.address,
    localPort: local.port,
    serverName: "",
    principal: "",
    remoteLabel: formatSocketAddress(remote),
    localLabel: formatSocketAddress(local),
    connectionId: connections++,
    directRemote: direct.remote,
    directLocal: direct.local,
    peer: undefined,
    tls: undefined,
    own: undefined,
    keepTls() {},
    filterState: undefined,
  };
}

/** The same connection for a request whose client is another than its peer; of that no port is known. */
export function behindProxies(facts: DownstreamFacts, remoteAddress: string): DownstreamFacts {
  const remote = { address: remoteAddress, port: 0 };
  // Not a copy: some of the facts are found out when they are asked for.
  return Object.create(facts, {
    remoteAddress: { value: remote.address },
    remotePort: { value: remote.port },
    remoteLabel: { value: formatSocketAddress(remote) },
  });
}

/** `destination`: where the client wanted to go, when the connection was captured or its PROXY header says so. */
export function readConnectionFacts(
  stream: ByteStream,
  destination: SocketAddress | undefined,
  { sniffed, proxied }: Inspected,
): DownstreamFacts {
  const { tls } = stream;
  const remote = proxied?.addresses?.source ?? stream.remote;
  const local = destination ?? stream.local;
  const peer = tls?.peerCertificate && peerCertificate(tls.peerCertificate);
  let session: TlsSession | undefined;
  let shown: PeerCertificate | undefined;
  const ownCertificate = () => {
    const der = tls?.ownCertificate?.();
    return der && peerCertificate(der);
  };
  return {
    ...factsBetween(remote, local, stream),
    serverName: tls?.serverName ?? sniffed.serverName,
    principal: peer?.principal ?? "",
    peer,
    get unprovenPeer() {
      return tls?.unprovenCertificate && peerCertificate(tls.unprovenCertificate);
    },
    get tls() {
      return session ?? tls?.session?.();
    },
    get own() {
      return shown ?? ownCertificate();
    },
    keepTls(withOwn) {
      session = tls?.session?.();
      if (withOwn) shown = ownCertificate();
    },
  };
}
