// TCP keep-alive with its times, which Bun's own call does not take.

import { dlopen, FFIType, ptr } from "bun:ffi";
import type { SocketTransport } from "./socket.ts";

const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

function openLibc() {
  return dlopen("libc.so.6", {
    setsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  }).symbols;
}

/** Opened with the first connection that asks for it. */
let libc: ReturnType<typeof openLibc> | undefined;
const value = new Int32Array(1);

function set(fd: number, level: number, name: number, wanted: number | undefined): void {
  if (wanted === undefined) return;
  libc ??= openLibc();
  value[0] = wanted;
  libc.setsockopt(fd, level, name, ptr(value), value.byteLength);
}

/** Undefined is the system's default. */
export interface KeepaliveTimes {
  readonly probes: number | undefined;
  readonly idleSeconds: number | undefined;
  readonly intervalSeconds: number | undefined;
}

/** Elsewhere than on Linux the time of silence alone is set. A Unix socket has no such thing, and ignores it. */
export function keepAlive({ socket }: SocketTransport, times: KeepaliveTimes): void {
  if (!socket) return;
  const fd = "fd" in socket ? Number(socket.fd) : -1;
  if (process.platform !== "linux" || fd < 0) {
    socket.setKeepAlive(true, (times.idleSeconds ?? 0) * 1_000);
    return;
  }
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, times.idleSeconds);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, times.intervalSeconds);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, times.probes);
}
