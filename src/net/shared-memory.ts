// Memory that several processes have in common (memfd_create(2)), and the clock that they have in common (clock_gettime(2)): performance.now()
// begins with each process, and the time of day goes back.

import { dlopen, FFIType, ptr } from "bun:ffi";
import { ftruncateSync } from "node:fs";

const MFD_CLOEXEC = 1;
const CLOCK_MONOTONIC = 1;

function openLibc() {
  return dlopen("libc.so.6", {
    memfd_create: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  }).symbols;
}

let libc: ReturnType<typeof openLibc> | undefined;

/** A descriptor of so many bytes, all 0; pages that nobody has written to take no memory. @throws Error where there is no such thing. */
export function createSharedMemory(bytes: number): number {
  libc ??= openLibc();
  const name = new TextEncoder().encode("heddle\0");
  const fd = libc.memfd_create(ptr(name), MFD_CLOEXEC);
  if (fd < 0) throw new Error("memfd_create(2) failed: too many open files?");
  ftruncateSync(fd, bytes);
  return fd;
}

/** The memory behind a descriptor, which may be closed afterwards. */
export function mapSharedMemory(fd: number): Uint8Array<ArrayBuffer> {
  return Bun.mmap(`/proc/self/fd/${fd}`, { shared: true }) as Uint8Array<ArrayBuffer>;
}

/** Milliseconds of the system's monotonic clock at 0 of this process's performance.now(). */
export function monotonicOrigin(): number {
  libc ??= openLibc();
  const time = new BigInt64Array(2);
  libc.clock_gettime(CLOCK_MONOTONIC, ptr(time));
  return Number(time[0]!) * 1e3 + Number(time[1]!) / 1e6 - performance.now();
}
