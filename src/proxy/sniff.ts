// What a connection speaks, from its first bytes (Envoy's proxy_protocol, tls_inspector and http_inspector).

import { type ParsedProxyHeader, type ProxyHeader, parseProxyHeader } from "../net/proxy-protocol.ts";
import { type Inspection, type Inspector, matchesPort } from "../table/listener-filter.ts";
import { parseClientHello } from "./client-hello.ts";

export interface Sniffed {
  readonly transport: "tls" | "raw_buffer";
  /** SNI of a ClientHello, "" without. */
  readonly serverName: string;
  /** ALPN of a ClientHello; `http/1.1` or `h2c` for HTTP in the clear. */
  readonly applicationProtocols: readonly string[];
}

export const RAW: Sniffed = { transport: "raw_buffer", serverName: "", applicationProtocols: [] };

export interface Inspected {
  readonly sniffed: Sniffed;
  /** The header before everything else; its bytes are not the stream's. */
  readonly proxied: ProxyHeader | undefined;
}

export const NOTHING_INSPECTED: Inspected = { sniffed: RAW, proxied: undefined };

export type Inspecting =
  | ({ readonly kind: "inspected" } & Inspected)
  /** More bytes are needed; what is known so far. */
  | { readonly kind: "incomplete"; readonly soFar: Inspected }
  | { readonly kind: "refused"; readonly reason: string };

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** The longest request line that is waited for. */
const MAX_REQUEST_LINE = 8 * 1024;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);

/** Undefined: more bytes are needed. */
export function sniffHttp(bytes: Buffer): readonly string[] | undefined {
  const prefix = Math.min(bytes.length, PREFACE.length);
  if (bytes.subarray(0, prefix).equals(PREFACE.subarray(0, prefix)))
    return prefix === PREFACE.length ? ["h2c"] : undefined;
  const space = bytes.subarray(0, 8).indexOf(0x20);
  const method = bytes.toString("latin1", 0, space === -1 ? Math.min(bytes.length, 8) : space);
  if (space === -1) return bytes.length < 8 && [...METHODS].some((known) => known.startsWith(method)) ? undefined : [];
  if (!METHODS.has(method)) return [];
  const end = bytes.indexOf("\r\n");
  if (end === -1) return bytes.length < MAX_REQUEST_LINE ? undefined : [];
  const version = bytes.toString("latin1", Math.max(0, end - 9), end);
  return version === " HTTP/1.1" ? ["http/1.1"] : version === " HTTP/1.0" ? ["http/1.0"] : [];
}

/** What is to be looked for in one connection: what is disabled for its port is left out. */
export interface Wanted {
  readonly tls: boolean;
  readonly http: boolean;
}

function isWanted(inspector: Inspector | undefined, port: number): boolean {
  return inspector !== undefined && !(inspector.disabled && matchesPort(inspector.disabled, port));
}

/** Undefined: more bytes are needed. */
export function sniff(bytes: Buffer, { tls, http }: Wanted): Sniffed | undefined {
  if (!tls && !http) return RAW;
  if (bytes.length === 0) return undefined;
  const hello = tls ? parseClientHello(bytes) : undefined;
  if (hello?.kind === "incomplete") return undefined;
  if (hello?.kind === "hello") {
    const { serverName, applicationProtocols } = hello;
    return { transport: "tls", serverName, applicationProtocols };
  }
  if (!http) return RAW;
  const applicationProtocols = sniffHttp(bytes);
  return applicationProtocols && { ...RAW, applicationProtocols };
}

function readHeader(inspection: Inspection, bytes: Buffer, port: number): ParsedProxyHeader {
  const filter = inspection.proxyProtocol;
  if (!filter || !isWanted(filter, port)) return { kind: "absent" };
  const header = parseProxyHeader(bytes);
  if (header.kind === "absent" && !filter.optional) return { kind: "malformed", reason: "no PROXY header" };
  if (header.kind === "header" && !filter.versions[header.version])
    return { kind: "malformed", reason: `PROXY ${header.version} is not allowed` };
  return header;
}

/** `port`: where the connection was going. Looks at all bytes that have come so far. */
export function inspect(inspection: Inspection, bytes: Buffer, port: number): Inspecting {
  const header = readHeader(inspection, bytes, port);
  if (header.kind === "malformed") return { kind: "refused", reason: header.reason };
  if (header.kind === "incomplete") return { kind: "incomplete", soFar: NOTHING_INSPECTED };
  const proxied = header.kind === "header" ? header : undefined;
  const to = proxied?.addresses?.destination.port ?? port;
  const want = { tls: isWanted(inspection.tls, to), http: isWanted(inspection.http, to) };
  const sniffed = sniff(proxied ? bytes.subarray(proxied.length) : bytes, want);
  return sniffed ? { kind: "inspected", sniffed, proxied } : { kind: "incomplete", soFar: { sniffed: RAW, proxied } };
}

/** Whether anything has to be read of a connection to this port before its chain is chosen. */
export function isInspected(inspection: Inspection, port: number): boolean {
  return [inspection.proxyProtocol, inspection.tls, inspection.http].some((filter) => isWanted(filter, port));
}
