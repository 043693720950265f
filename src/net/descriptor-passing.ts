// File descriptors handed from one process to another (SCM_RIGHTS, unix(7)): what lets a listening socket, and the connections that wait
// in its queue, outlive the process that opened it. Bun has no way of its own to send or receive them.

import { dlopen, FFIType, ptr } from "bun:ffi";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** struct cmsghdr and one int: CMSG_LEN(4), and CMSG_SPACE(4) with its padding. */
const CONTROL_LENGTH = 20;
const CONTROL_SPACE = 24;

function openLibc() {
  return dlopen("libc.so.6", {
    socketpair: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
    sendmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64_fast },
    recvmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64_fast },
  }).symbols;
}

let libc: ReturnType<typeof openLibc> | undefined;

/** A message of one byte that carries one descriptor: struct msghdr of 64-bit Linux, with what it points to. */
class Envelope {
  readonly #payload = new Uint8Array(1);
  readonly #vector = new BigUint64Array([BigInt(ptr(this.#payload)), 1n]);
  readonly #control = new Uint8Array(CONTROL_SPACE);
  readonly #view = new DataView(this.#control.buffer);
  readonly header = new BigUint64Array(7);

  constructor() {
    this.header.set([0n, 0n, BigInt(ptr(this.#vector)), 1n, BigInt(ptr(this.#control)), BigInt(CONTROL_SPACE), 0n]);
  }

  set descriptor(fd: number) {
    this.#view.setBigUint64(0, BigInt(CONTROL_LENGTH), true);
    this.#view.setInt32(8, SOL_SOCKET, true);
    this.#view.setInt32(12, SCM_RIGHTS, true);
    this.#view.setInt32(16, fd, true);
  }

  /** Undefined when none came. */
  get descriptor(): number | undefined {
    const came = this.header[5]! >= BigInt(CONTROL_LENGTH) && this.#view.getInt32(12, true) === SCM_RIGHTS;
    return came ? this.#view.getInt32(16, true) : undefined;
  }
}

/** The two ends of a channel, both closed on exec. @throws Error where there is no such thing. */
export function descriptorChannel(): readonly [number, number] {
  if (process.platform !== "linux") throw new Error("descriptors are handed over on Linux only");
  libc ??= openLibc();
  const ends = new Int32Array(2);
  if (libc.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ptr(ends)) !== 0)
    throw new Error("socketpair(2) failed: too many open files?");
  return [ends[0]!, ends[1]!];
}

/** The receiver gets a descriptor of its own; `fd` stays the sender's. False when the other end is gone or does not read. */
export function sendDescriptor(channel: number, fd: number): boolean {
  libc ??= openLibc();
  const envelope = new Envelope();
  envelope.descriptor = fd;
  return Number(libc.sendmsg(channel, ptr(envelope.header), MSG_DONTWAIT | MSG_NOSIGNAL)) === 1;
}

/** The next descriptor that was sent, closed on exec; undefined when none waits. Never blocks. */
export function receiveDescriptor(channel: number): number | undefined {
  libc ??= openLibc();
  const envelope = new Envelope();
  const length = Number(libc.recvmsg(channel, ptr(envelope.header), MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  return length === 1 ? envelope.descriptor : undefined;
}
