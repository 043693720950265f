// How many connections may wait to be accepted. Bun asks for 512; listen(2) on a socket that listens already changes that on Linux.

import { dlopen, FFIType } from "bun:ffi";

let libc: ReturnType<typeof openLibc> | undefined;

function openLibc() {
  return dlopen("libc.so.6", { listen: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } }).symbols;
}

/** The kernel caps it at net.core.somaxconn. Without effect where the platform has no such way. */
export function setBacklog(fd: number, connections: number): void {
  if (process.platform !== "linux" || fd < 0) return;
  libc ??= openLibc();
  libc.listen(fd, connections);
}
