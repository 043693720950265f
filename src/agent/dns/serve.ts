// The DNS proxy's sockets: UDP and TCP on one port.

import { Failure } from "../../base/failure.ts";
import { logger } from "../../base/log.ts";
import { Alarm, timers } from "../../base/timer-wheel.ts";
import type { ByteListener, ByteStream } from "../../net/byte-stream.ts";
import { listen } from "../../net/listen.ts";
import type { Answer } from "./proxy.ts";
import { MessageReader, writeMessage } from "./tcp-frame.ts";

const log = logger("dns");

/** RFC 7766 section 6.2.3 leaves it to the server; a resolver that has more to ask is there within a second. */
const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 256;
/** Replies that a client does not read. */
const MAX_UNREAD_BYTES = 256 * 1_024;
/** Queries of one connection under way. */
const MAX_PIPELINED = 64;

export interface DnsBinding {
  readonly host: string;
  readonly port: number;
}

export interface ServedDns {
  readonly port: number;
  stop(): void;
}

/** `enter` surrounds the making of each socket. Rejects with a Failure when the port is taken. */
export async function serveDns(
  { host, port }: DnsBinding,
  answer: Answer,
  enter: <T>(work: () => T) => T = (work) => work(),
): Promise<ServedDns> {
  const connections = new Set<Connection>();
  const tcp = enter(() =>
    listen({ kind: "tcp", host, port }, undefined, (stream) => {
      if (connections.size >= MAX_CONNECTIONS) return stream.terminate();
      const connection: Connection = new Connection(stream, answer, () => connections.delete(connection));
      connections.add(connection);
      stream.listener = connection;
    }),
  );
  const stopTcp = (): void => {
    tcp.stop();
    for (const connection of connections) connection.end();
  };
  try {
    const udp = await serveUdp({ host, port: tcp.port }, answer, enter);
    return {
      port: tcp.port,
      stop() {
        stopTcp();
        udp.close();
      },
    };
  } catch (cause) {
    stopTcp();
    throw new Failure(`cannot listen on ${host}:${tcp.port} (UDP): ${Failure.from(cause).message}`, { cause });
  }
}

function serveUdp({ host, port }: DnsBinding, answer: Answer, enter: <T>(work: () => T) => T) {
  /** Whoever asks again before the reply is there waits for the same one. */
  const underWay = new Set<string>();
  return enter(() =>
    Bun.udpSocket({
      hostname: host,
      port,
      socket: {
        data(socket, bytes, clientPort, client) {
          const key = `${client}/${clientPort}/${bytes[0]}/${bytes[1]}`;
          if (underWay.has(key)) return;
          underWay.add(key);
          void answer(bytes.slice(), "udp")
            .then((reply) => {
              if (reply && !socket.closed) socket.send(reply, clientPort, client);
            })
            .catch((error) => log.error("a query failed", { error }))
            .finally(() => underWay.delete(key));
        },
        error() {}, // a client that went away before its reply came
      },
    }),
  );
}

class Connection implements ByteListener {
  readonly #stream: ByteStream;
  readonly #answer: Answer;
  readonly #onClosed: () => void;
  readonly #reader: MessageReader;
  readonly #idle = new Alarm(() => this.#onIdle());
  #unsent: Uint8Array = new Uint8Array(0);
  #underWay = 0;
  #ended = false;
  #closed = false;

  constructor(stream: ByteStream, answer: Answer, onClosed: () => void) {
    this.#stream = stream;
    this.#answer = answer;
    this.#onClosed = onClosed;
    this.#reader = new MessageReader((message) => this.#query(message));
    timers.arm(this.#idle, IDLE_MS);
  }

  receive(chunk: Uint8Array): void {
    timers.arm(this.#idle, IDLE_MS);
    this.#reader.receive(chunk);
    if (this.#underWay >= MAX_PIPELINED) this.#stream.pause();
  }

  #query(message: Uint8Array): void {
    this.#underWay++;
    void this.#answer(message, "tcp")
      .then((reply) => {
        if (reply) this.#send(writeMessage(reply));
      })
      .catch((error) => log.error("a query failed", { error }))
      .finally(() => this.#done());
  }

  #done(): void {
    this.#underWay--;
    if (this.#closed) return;
    if (this.#underWay < MAX_PIPELINED) this.#stream.resume();
    this.#endWhenDone();
  }

  #send(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#unsent = this.#unsent.length === 0 ? bytes : Buffer.concat([this.#unsent, bytes]);
    this.drained();
    if (this.#unsent.length > MAX_UNREAD_BYTES) this.#stream.terminate();
  }

  drained(): void {
    const taken = this.#unsent.length === 0 ? 0 : this.#stream.write(this.#unsent);
    if (taken > 0) this.#unsent = this.#unsent.subarray(taken);
    this.#endWhenDone();
  }

  ended(): void {
    this.#ended = true;
    this.#endWhenDone();
  }

  /** A client may close its side behind the last query; its replies still come. */
  #endWhenDone(): void {
    if (this.#ended && this.#underWay === 0 && this.#unsent.length === 0) this.#stream.end();
  }

  #onIdle(): void {
    if (this.#underWay > 0) timers.arm(this.#idle, IDLE_MS);
    else this.#stream.terminate();
  }

  end(): void {
    this.#stream.terminate();
  }

  closed(): void {
    this.#closed = true;
    timers.disarm(this.#idle);
    this.#onClosed();
  }
}
