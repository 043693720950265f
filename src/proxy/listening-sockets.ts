// Where the sockets of listeners come from: opened here, or handed over by the process that had them before.

import type { Binding, ListeningSocket } from "../net/listen.ts";

/**
 * What a socket is known by, in each of the processes that share a port. `port` is the one asked for: 0 is any. A pipe's host is its path,
 * and its port 0.
 */
export interface SocketPlace {
  readonly listener: string;
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
  /** Of a pipe: the file's mode, 0 for the system's. */
  readonly pipeMode?: number | undefined;
}

export interface ListeningSockets {
  /** Other processes bind the same. */
  readonly sharesPorts: boolean;
  /** Others hold them too: what waits in their queues when the process ends is for its successor. May change while it lives. */
  readonly outliveProcess: boolean;
  /** How the socket of this place is to be had. */
  binding(place: SocketPlace): Binding;
  opened(place: SocketPlace, socket: ListeningSocket): void;
  closed(place: SocketPlace): void;
}

export function placeKey({ listener, host, port }: SocketPlace): string {
  return `${listener} ${host} ${port}`;
}

/** Of a proxy that is one process. */
export function ownSockets(reusePort: boolean): ListeningSockets {
  return {
    sharesPorts: reusePort,
    outliveProcess: false,
    binding: ({ host, port, backlog, pipeMode }) =>
      pipeMode === undefined
        ? { kind: "tcp", host, port, reusePort, backlog }
        : { kind: "pipe", path: host, mode: pipeMode },
    opened() {},
    closed() {},
  };
}
