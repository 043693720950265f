// A connection as a listener sees it before its first request: the facts that chains and policies are chosen by.

import { parseAddress } from "../base/cidr.ts";
import type { ChainFacts } from "../table/filter-chain-match.ts";
import { chooseChain, type FilterChain, type Listener } from "../table/listener.ts";
import { type Inspector, matchesPort } from "../table/listener-filter.ts";
import type { ConnectionFacts } from "../table/request.ts";

/** What arrives. */
export interface Arrival {
  readonly source: string;
  readonly destination: { readonly address: string; readonly port: number };
  /** Undefined: in the clear. */
  readonly hello: { readonly serverName: string; readonly protocols: readonly string[] } | undefined;
  /** What a look at bytes in the clear finds: an HTTP version; undefined: no HTTP. */
  readonly speaks: "http/1.1" | "h2c" | undefined;
  /** That the client's certificate proves; "" without one. */
  readonly principal: string;
}

/** The port that clients come from is the system's choice, and nothing is written about it. */
const SOME_PORT = 40_000;

function isLookedAt(inspector: Inspector | undefined, port: number): boolean {
  return inspector !== undefined && !(inspector.disabled && matchesPort(inspector.disabled, port));
}

function chainFacts({ inspection, sharedTls }: Listener, arrival: Arrival): ChainFacts {
  const { source, destination, hello, speaks } = arrival;
  const addresses = {
    destinationAddress: destination.address,
    destinationPort: destination.port,
    sourceAddress: source,
    sourcePort: SOME_PORT,
    directSourceAddress: source,
  };
  if (hello && (sharedTls || isLookedAt(inspection?.tls, destination.port)))
    return { ...addresses, serverName: hello.serverName, transport: "tls", applicationProtocols: hello.protocols };
  const found = !hello && speaks && isLookedAt(inspection?.http, destination.port) ? [speaks] : [];
  return { ...addresses, serverName: "", transport: "raw_buffer", applicationProtocols: found };
}

/** The chain of a connection; undefined: the listener closes it. */
export function chainFor(listener: Listener, arrival: Arrival): FilterChain | undefined {
  return chooseChain(listener, chainFacts(listener, arrival));
}

/** An IPv6 address in brackets. */
export function addressLabel(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export function connectionFacts({ source, destination, hello, principal }: Arrival): ConnectionFacts {
  return {
    remoteAddress: source,
    remotePort: SOME_PORT,
    directRemoteAddress: source,
    localAddress: destination.address,
    localPort: destination.port,
    serverName: hello?.serverName ?? "",
    principal,
    remoteLabel: addressLabel(source, SOME_PORT),
    localLabel: addressLabel(destination.address, destination.port),
  };
}

/** An address is no server name (RFC 6066 section 3). */
export function serverNameOf(host: string): string {
  return parseAddress(host) ? "" : host.toLowerCase();
}
