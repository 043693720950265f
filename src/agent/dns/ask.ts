// One query to one resolver, over UDP or TCP (RFC 7766), from a socket of its own: its port is a second secret beside the id.

import { Alarm, timers } from "../../base/timer-wheel.ts";
import type { ByteStream } from "../../net/byte-stream.ts";
import { connect } from "../../net/connect.ts";
import { MessageReader, writeMessage } from "./tcp-frame.ts";

export interface Resolver {
  readonly host: string;
  readonly port: number;
}

/** Whether bytes are the reply that is waited for; others are not heard. */
export type IsReply = (bytes: Uint8Array) => boolean;

/** Resolves with the reply; with undefined when none came in time, or none can come. */
export async function askOverUdp(
  { host, port }: Resolver,
  query: Uint8Array,
  isReply: IsReply,
  timeoutMs: number,
): Promise<Uint8Array | undefined> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
  const deadline = new Alarm(() => resolve(undefined));
  let socket: { send(data: Uint8Array): boolean; close(): void } | undefined;
  try {
    // Connected: the kernel takes datagrams from nobody else, and tells when nobody is there.
    socket = await Bun.udpSocket({
      connect: { hostname: host, port },
      socket: {
        data(_, bytes) {
          if (isReply(bytes)) resolve(bytes.slice());
        },
        error: () => resolve(undefined),
      },
    });
    timers.arm(deadline, timeoutMs);
    socket.send(query);
    return await promise;
  } catch {
    return undefined; // no route, or no address that the system knows
  } finally {
    timers.disarm(deadline);
    socket?.close();
  }
}

export function askOverTcp(
  resolver: Resolver,
  query: Uint8Array,
  isReply: IsReply,
  timeoutMs: number,
): Promise<Uint8Array | undefined> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
  let stream: ByteStream | undefined;
  const deadline = new Alarm(() => end(undefined));
  const end = (reply: Uint8Array | undefined): void => {
    timers.disarm(deadline);
    resolve(reply);
    stream?.terminate();
  };
  const onConnected = (connected: ByteStream): void => {
    stream = connected;
    const reader = new MessageReader((bytes) => {
      if (isReply(bytes)) end(bytes);
    });
    connected.listener = {
      receive: (chunk) => reader.receive(chunk),
      drained() {},
      ended: () => end(undefined),
      closed: () => end(undefined),
    };
    // A new connection's buffer takes a query whole.
    if (deadline.armed) connected.write(writeMessage(query));
    else connected.terminate();
  };
  timers.arm(deadline, timeoutMs);
  connect({ kind: "tcp", ...resolver }, undefined, timeoutMs, { onConnected, onConnectFailure: () => end(undefined) });
  return promise;
}
