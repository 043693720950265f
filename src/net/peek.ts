// What a socket has received, seen without being read: Bun has no way to give bytes back, and TLS must get its hello from the kernel.
// While a socket is looked at it is paused, and an epoll set of our own tells of what arrives on it.

import { dlopen, FFIType, ptr } from "bun:ffi";
import type { Socket } from "bun";
import { logger } from "../base/log.ts";

const log = logger("net");

const MSG_PEEK = 2;
const MSG_DONTWAIT = 0x40;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLLIN = 1;
const EPOLLERR = 8;
const EPOLLHUP = 0x10;
const EPOLLRDHUP = 0x2000;
/** One event for each arrival, however much of it is left unread. */
const EPOLLET = 0x8000_0000;
/** struct epoll_event is packed on x86-64 alone. */
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const DATA_OFFSET = EVENT_BYTES - 8;
const EVENTS_AT_ONCE = 64;

/** The most that is looked at: a PROXY header of 16 KiB and a ClientHello of 32 KiB with its records. */
const PEEK_BYTES = 49 * 1024;

function openLibc() {
  const { i32, u64, i64, ptr } = FFIType;
  return dlopen("libc.so.6", {
    recv: { args: [i32, ptr, u64, i32], returns: i64 },
    epoll_create1: { args: [i32], returns: i32 },
    epoll_ctl: { args: [i32, i32, i32, ptr], returns: i32 },
    epoll_wait: { args: [i32, ptr, i32, i32], returns: i32 },
    dup: { args: [i32], returns: i32 },
  }).symbols;
}

/** Opened with the first connection that is looked at. */
let libc: ReturnType<typeof openLibc> | undefined;
const buffer = new Uint8Array(PEEK_BYTES);

/** The bytes that wait, valid until the next call; undefined when nothing does; empty when the peer ended before it sent any. */
export function peek(fd: number): Buffer | undefined {
  libc ??= openLibc();
  const count = Number(libc.recv(fd, ptr(buffer), PEEK_BYTES, MSG_PEEK | MSG_DONTWAIT));
  return count < 0 ? undefined : Buffer.from(buffer.buffer, 0, count);
}

/** Takes `count` bytes that `peek` has shown. */
export function discard(fd: number, count: number): void {
  libc ??= openLibc();
  for (let left = count; left > 0; ) {
    const taken = Number(libc.recv(fd, ptr(buffer), left, MSG_DONTWAIT));
    if (taken <= 0) return;
    left -= taken;
  }
}

/** `ended`: the peer will send no more than what waits; `broken`: the connection is gone. */
export type Arrival = "bytes" | "ended" | "broken";
type OnArrival = (arrival: Arrival) => void;

function arrivalOf(events: number): Arrival {
  if ((events & (EPOLLERR | EPOLLHUP)) !== 0) return "broken";
  return (events & EPOLLRDHUP) === 0 ? "bytes" : "ended";
}

/**
 * An epoll set beside Bun's. Bun's loop wakes up for it through a duplicate of its descriptor, handed to Bun as if it were a socket: what
 * Bun then tries to read is no socket, so it closes the duplicate, and that is the signal.
 */
class Arrivals {
  #epoll = -1;
  readonly #waiting = new Map<number, OnArrival>();
  readonly #events = new Uint8Array(EVENTS_AT_ONCE * EVENT_BYTES);
  readonly #view = new DataView(this.#events.buffer);
  #bell: "silent" | "hung" = "silent";

  watch(fd: number, onArrival: OnArrival): void {
    libc ??= openLibc();
    if (this.#epoll === -1) this.#epoll = libc.epoll_create1(EPOLL_CLOEXEC);
    const event = new DataView(new ArrayBuffer(EVENT_BYTES));
    event.setUint32(0, EPOLLIN | EPOLLRDHUP | EPOLLET, true);
    event.setInt32(DATA_OFFSET, fd, true);
    libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, ptr(event.buffer));
    this.#waiting.set(fd, onArrival);
    this.#hang();
  }

  /** Before the descriptor is closed, or right after: its number is the next connection's. */
  forget(fd: number): void {
    if (this.#waiting.delete(fd)) libc?.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, fd, null);
  }

  #hang(): void {
    if (this.#bell === "hung" || !libc) return;
    this.#bell = "hung";
    const options = {
      fd: libc.dup(this.#epoll),
      socket: {
        open: (socket: Socket) => socket.unref(),
        data() {},
        error() {},
        close: () => this.#rung(),
      },
    };
    Bun.connect(options as unknown as Parameters<typeof Bun.connect>[0]).then(undefined, (error) => {
      this.#bell = "silent";
      log.error("connections cannot be looked at before they are read", { error });
    });
  }

  #rung(): void {
    this.#bell = "silent";
    if (!libc) return;
    const count = libc.epoll_wait(this.#epoll, ptr(this.#events), EVENTS_AT_ONCE, 0);
    const arrived = Array.from({ length: Math.max(0, count) }, (_, i) => ({
      fd: this.#view.getInt32(i * EVENT_BYTES + DATA_OFFSET, true),
      arrival: arrivalOf(this.#view.getUint32(i * EVENT_BYTES, true)),
    }));
    for (const { fd, arrival } of arrived) this.#waiting.get(fd)?.(arrival);
    if (this.#waiting.size > 0) this.#hang();
  }
}

export const arrivals = new Arrivals();
