// The connections that wait in a listening socket's queue. Their clients take them for open, and have sent their requests; the kernel
// resets them when the socket closes (inet_csk_listen_stop). Who closes it for good accepts them first, and lets no more in.

import { dlopen, FFIType, ptr } from "bun:ffi";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
/** SOCK_NONBLOCK and SOCK_CLOEXEC. */
const ACCEPTED_FLAGS = 0o2004000;

const F_DUPFD_CLOEXEC = 1030;

/** Of classic BPF: struct sock_filter is two codes of 8 bits for jumps after one of 16, and a constant of 32. */
const LOAD_BYTE = 0x30;
const JUMP_IF_BITS = 0x45;
const RETURN = 0x06;
const INSTRUCTION_BYTES = 8;
const TCP_FLAGS_OFFSET = 13;
const SYN = 0x02;

function openLibc() {
  const { i32, u32, ptr } = FFIType;
  return dlopen("libc.so.6", {
    accept4: { args: [i32, ptr, ptr, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, ptr, u32], returns: i32 },
    fcntl: { args: [i32, i32, i32], returns: i32 },
  }).symbols;
}

let libc: ReturnType<typeof openLibc> | undefined;

/** A segment with SYN is dropped, any other goes on: a handshake that has begun ends as it would. */
function dropsSyn(): Uint8Array {
  const instructions = [
    [LOAD_BYTE, 0, 0, TCP_FLAGS_OFFSET],
    [JUMP_IF_BITS, 0, 1, SYN],
    [RETURN, 0, 0, 0],
    [RETURN, 0, 0, 0xffff_ffff],
  ] as const;
  const view = new DataView(new ArrayBuffer(instructions.length * INSTRUCTION_BYTES));
  for (const [i, [code, whenTrue, whenFalse, constant]] of instructions.entries()) {
    view.setUint16(i * INSTRUCTION_BYTES, code, true);
    view.setUint8(i * INSTRUCTION_BYTES + 2, whenTrue);
    view.setUint8(i * INSTRUCTION_BYTES + 3, whenFalse);
    view.setUint32(i * INSTRUCTION_BYTES + 4, constant, true);
  }
  return new Uint8Array(view.buffer);
}

/**
 * A client whose SYN is dropped sends it again a second later, when the socket is closed and refuses it, or another has its address: it
 * knows either way that nobody saw its request. Between the last accept(2) and close(2) it could not.
 */
function admitNoMore(fd: number): void {
  const filter = dropsSyn();
  const program = new BigUint64Array([BigInt(filter.length / INSTRUCTION_BYTES), BigInt(ptr(filter))]);
  libc?.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, ptr(program), program.byteLength);
}

/** Lets no more connections in, and gives those that wait to `adopt`. Without effect where the platform has no such way. */
export function acceptRest(fd: number, adopt: (accepted: number) => void): void {
  if (process.platform !== "linux" || fd < 0) return;
  libc ??= openLibc();
  admitNoMore(fd);
  for (;;) {
    const accepted = libc.accept4(fd, null, null, ACCEPTED_FLAGS);
    if (accepted < 0) return;
    adopt(accepted);
  }
}

/** Another descriptor of the same socket, with the same queue; undefined when there is none to be had. */
export function sameSocket(fd: number): number | undefined {
  if (process.platform !== "linux" || fd < 0) return undefined;
  libc ??= openLibc();
  const other = libc.fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return other < 0 ? undefined : other;
}
