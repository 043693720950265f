// The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt): who a connection is from, told by whoever
// passed it on. Strict: a header that two readers could read differently would let a client choose its address.

import { parseAddress } from "../base/cidr.ts";
import type { SocketAddress } from "./byte-stream.ts";

/** A type-length-value of version 2. */
export interface Tlv {
  readonly type: number;
  readonly value: Uint8Array;
}

export interface ProxyHeader {
  readonly kind: "header";
  readonly version: "v1" | "v2";
  /** Bytes that it takes. */
  readonly length: number;
  /** Undefined for `UNKNOWN` and `LOCAL`: the connection is from whoever opened it. */
  readonly addresses: { readonly source: SocketAddress; readonly destination: SocketAddress } | undefined;
  readonly tlvs: readonly Tlv[];
}

export type ParsedProxyHeader =
  | ProxyHeader
  /** More bytes are needed. */
  | { readonly kind: "incomplete" }
  /** The bytes are no header's beginning. */
  | { readonly kind: "absent" }
  | { readonly kind: "malformed"; readonly reason: string };

const INCOMPLETE: ParsedProxyHeader = { kind: "incomplete" };
const ABSENT: ParsedProxyHeader = { kind: "absent" };
const V1_SIGNATURE = Buffer.from("PROXY ", "latin1");
const V2_SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
/** Of a line with its CRLF (section 2.1). */
const V1_MAX_BYTES = 107;
const V2_FIXED_BYTES = 16;
/** Of what follows the fixed part: TLVs of certificates fit. It must fit a socket's buffer, where it is looked at before it is read. */
const V2_MAX_REST_BYTES = 16 * 1024;

const PORT = /^(?:0|[1-9]\d{0,4})$/;

function malformed(reason: string): ParsedProxyHeader {
  return { kind: "malformed", reason };
}

function startsWith(bytes: Buffer, signature: Buffer): "whole" | "part" | "no" {
  const length = Math.min(bytes.length, signature.length);
  if (!bytes.subarray(0, length).equals(signature.subarray(0, length))) return "no";
  return length === signature.length ? "whole" : "part";
}

export function parseProxyHeader(bytes: Buffer): ParsedProxyHeader {
  const v1 = startsWith(bytes, V1_SIGNATURE);
  if (v1 === "whole") return parseV1(bytes);
  const v2 = startsWith(bytes, V2_SIGNATURE);
  if (v2 === "whole") return parseV2(bytes);
  return v1 === "part" || v2 === "part" ? INCOMPLETE : ABSENT;
}

function parseV1(bytes: Buffer): ParsedProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf("\r\n");
  if (end === -1) return bytes.length < V1_MAX_BYTES ? INCOMPLETE : malformed("v1 line without end");
  const length = end + 2;
  const fields = bytes.toString("latin1", V1_SIGNATURE.length, end).split(" ");
  // What follows UNKNOWN is to be ignored (section 2.1).
  if (fields[0] === "UNKNOWN") return { kind: "header", version: "v1", length, addresses: undefined, tlvs: [] };
  const [family, source, destination, sourcePort, destinationPort, ...rest] = fields;
  if (family !== "TCP4" && family !== "TCP6") return malformed("v1 protocol is none of TCP4, TCP6, UNKNOWN");
  if (destinationPort === undefined || rest.length > 0) return malformed("v1 line has not five fields");
  const from = v1Address(family, source, sourcePort);
  const to = v1Address(family, destination, destinationPort);
  if (!from || !to) return malformed("v1 address or port");
  return { kind: "header", version: "v1", length, addresses: { source: from, destination: to }, tlvs: [] };
}

function v1Address(family: "TCP4" | "TCP6", address = "", port = ""): SocketAddress | undefined {
  if (address.includes(":") !== (family === "TCP6") || !parseAddress(address)) return undefined;
  if (!PORT.test(port) || Number(port) > 65_535) return undefined;
  return { address, port: Number(port) };
}

const LOCAL = 0x20;
const PROXY = 0x21;
/** Address family and transport in one byte (section 2.2). */
const INET = 1;
const INET6 = 2;
const ADDRESS_BYTES: Readonly<Record<number, number>> = { [INET]: 4, [INET6]: 16 };
const STREAM = 1;
const DATAGRAM = 2;

function parseV2(bytes: Buffer): ParsedProxyHeader {
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const command = bytes[12]!;
  const family = bytes[13]!;
  if (command !== LOCAL && command !== PROXY) return malformed("v2 version or command");
  const rest = bytes.readUInt16BE(14);
  if (rest > V2_MAX_REST_BYTES) return malformed(`v2 header of more than ${V2_MAX_REST_BYTES} bytes`);
  const length = V2_FIXED_BYTES + rest;
  // What follows LOCAL is to be skipped, whatever it says.
  if (command === LOCAL)
    return bytes.length < length
      ? INCOMPLETE
      : { kind: "header", version: "v2", length, addresses: undefined, tlvs: [] };
  // Datagrams are not what came here, but Envoy takes their addresses too.
  const transport = family & 15;
  const width = transport === STREAM || transport === DATAGRAM ? ADDRESS_BYTES[family >> 4] : undefined;
  if (width === undefined) return malformed("v2 family is neither IPv4 nor IPv6");
  const addressBytes = 2 * width + 4;
  if (rest < addressBytes) return malformed("v2 header too short for its addresses");
  if (bytes.length < length) return INCOMPLETE;
  const at = V2_FIXED_BYTES;
  const addresses = {
    source: { address: formatIp(bytes, at, width), port: bytes.readUInt16BE(at + 2 * width) },
    destination: { address: formatIp(bytes, at + width, width), port: bytes.readUInt16BE(at + 2 * width + 2) },
  };
  const tlvs = parseTlvs(bytes.subarray(at + addressBytes, length));
  return tlvs ? { kind: "header", version: "v2", length, addresses, tlvs } : malformed("v2 TLV longer than the header");
}

function formatIp(bytes: Buffer, at: number, width: number): string {
  if (width === 4) return bytes.subarray(at, at + 4).join(".");
  return formatIpv6(Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(at + 2 * i)));
}

/** RFC 5952: lower case, no leading zeros, the longest run of zeros left out. */
export function formatIpv6(groups: readonly number[]): string {
  let start = -1;
  let longest = 1; // a single zero is written
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > longest) {
      start = i;
      longest = end - i;
    }
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  return start === -1 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + longest))}`;
}

function parseTlvs(bytes: Buffer): Tlv[] | undefined {
  const tlvs: Tlv[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 3 > bytes.length) return undefined;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return undefined;
    tlvs.push({ type: bytes[at]!, value: Uint8Array.prototype.slice.call(bytes, at + 3, end) });
    at = end;
  }
  return tlvs;
}

/** A line for the connection; addresses of two families, or none, cannot be told. */
export function encodeProxyV1(source: SocketAddress, destination: SocketAddress): Buffer {
  const from = parseAddress(source.address);
  const to = parseAddress(destination.address);
  if (!from || from.length !== to?.length) return Buffer.from("PROXY UNKNOWN\r\n", "latin1");
  // A dual-stack listener shows IPv4 addresses mapped into IPv6.
  const isIpv4 = from.length === 4;
  const addresses = isIpv4 ? `${from.join(".")} ${to.join(".")}` : `${source.address} ${destination.address}`;
  const line = `PROXY ${isIpv4 ? "TCP4" : "TCP6"} ${addresses} ${source.port} ${destination.port}\r\n`;
  return Buffer.from(line, "latin1");
}

/** Of a connection that is nobody's but its own. */
export const PROXY_V2_LOCAL = Buffer.concat([V2_SIGNATURE, Buffer.from([LOCAL, 0, 0, 0])]);

export function encodeProxyV2(source: SocketAddress, destination: SocketAddress, tlvs: readonly Tlv[]): Buffer {
  const from = parseAddress(source.address);
  const to = parseAddress(destination.address);
  const told = from !== undefined && from.length === to?.length;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const extensions = tlvs.map(({ type, value }) => {
    const head = Buffer.from([type, value.length >> 8, value.length & 255]);
    return Buffer.concat([head, value]);
  });
  const rest = told ? Buffer.concat([from, to, ports, ...extensions]) : Buffer.alloc(0);
  const fixed = Buffer.alloc(4);
  fixed[0] = told ? PROXY : LOCAL;
  fixed[1] = told ? ((from.length === 4 ? INET : INET6) << 4) | STREAM : 0;
  fixed.writeUInt16BE(rest.length, 2);
  return Buffer.concat([V2_SIGNATURE, fixed, rest]);
}
