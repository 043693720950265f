// Envoy's TCP connections that are open, as its access log tells of them: an Envoy that died says nothing of their ends.

import type { TcpEdge } from "../stats/tcp-edge.ts";

/** One stream of access logs. Envoy has one for each logger, and makes it anew when it breaks. */
export interface LogStream {
  readonly life: number;
  open: boolean;
}

interface Connection {
  /** Where it was counted as opened, and will be as closed. */
  readonly edge: TcpEdge;
  stream: LogStream;
  sent: number;
  received: number;
}

export class EnvoyConnections {
  readonly #open = new Map<string, Connection>();
  /** How many Envoys have ended. */
  #life = 0;

  stream(): LogStream {
    return { life: this.#life, open: true };
  }

  /** Counts what is new in an entry, by the connection's stream id; `last`: it is closed. */
  report(id: string, edge: TcpEdge, sent: number, received: number, last: boolean, stream: LogStream): void {
    const known = this.#open.get(id);
    const connection = known ?? { edge, stream, sent: 0, received: 0 };
    if (!known) connection.edge.opened();
    edge.bytes(Math.max(0, sent - connection.sent), Math.max(0, received - connection.received));
    connection.sent = sent;
    connection.received = received;
    connection.stream = stream;
    if (last) {
      this.#open.delete(id);
      connection.edge.closed();
    } else this.#open.set(id, connection);
  }

  /** A stream broke. Its connections live on with an Envoy that lives, and end with one that does not: what it had sent has been read. */
  streamOver(stream: LogStream): void {
    stream.open = false;
    if (stream.life < this.#life) this.#closeThose((connection) => connection.stream === stream);
  }

  /** Envoy has ended; its streams may still bring what it wrote before. */
  envoyEnded(): void {
    this.#life++;
    this.#closeThose(({ stream }) => !stream.open);
  }

  #closeThose(over: (connection: Connection) => boolean): void {
    for (const [id, connection] of this.#open) {
      if (!over(connection)) continue;
      this.#open.delete(id);
      connection.edge.closed();
    }
  }
}
