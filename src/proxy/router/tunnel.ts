// A CONNECT that ends here: its bytes go to a host as they are, whichever of HTTP/1.1 and HTTP/2 carries them to us.

import { type ResetReason, ResponseHead, type ServerStream, type StreamListener } from "../../http/stream.ts";
import {
  type ByteCounters,
  type ByteListener,
  type ByteStream,
  NOBODY,
  type SocketAddress,
  UNCOUNTED,
} from "../../net/byte-stream.ts";
import type { Downstream } from "../downstream.ts";
import { Splice, type SpliceListener } from "../splice.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";

/** The tunnel's side of an HTTP stream as a byte stream. */
class TunnelStream implements ByteStream, StreamListener {
  listener: ByteListener = NOBODY;
  readonly tls = undefined;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  counters: ByteCounters = UNCOUNTED;
  readonly #stream: ServerStream;
  /** Bytes of the stream ended, bytes of ours ended: both make a closed stream. */
  #readEnded = false;
  #writeEnded = false;
  #closed = false;
  #congested = false;

  constructor(stream: ServerStream, local: SocketAddress, remote: SocketAddress) {
    this.#stream = stream;
    this.local = local;
    this.remote = remote;
    stream.listener = this;
  }

  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    if (this.#closed || this.#writeEnded) return -1;
    // An HTTP stream takes a whole chunk or asks to wait: over its high-water mark, nothing more is taken.
    if (this.#congested) return 0;
    this.#congested = !this.#stream.write(length === bytes.length ? bytes : bytes.subarray(start, start + length));
    this.counters.sent += length;
    return length;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    if (this.#writeEnded || this.#closed) return;
    this.#writeEnded = true;
    this.#stream.end();
    this.#closeWhenEnded();
  }

  terminate(): void {
    if (this.#closed) return;
    this.#stream.reset("closed");
    this.#close();
  }

  onData(chunk: Uint8Array): void {
    this.counters.received += chunk.length;
    this.listener.receive(chunk);
  }

  onEnd(): void {
    this.#readEnded = true;
    this.listener.ended();
    this.#closeWhenEnded();
  }

  onReset(_reason: ResetReason): void {
    this.#close();
  }

  onWritable(): void {
    this.#congested = false;
    this.listener.drained();
  }

  #closeWhenEnded(): void {
    if (this.#readEnded && this.#writeEnded) this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.listener.closed();
  }
}

/** Whose tunnel it is. */
export interface TunnelOwner {
  readonly connection: Downstream;
  /** The tunnel stands: the client was told so with this head. */
  onTunnelOpen(head: ResponseHead): void;
  /** Bytes that it moved; `failure` when it never stood. */
  onTunnelOver(received: number, sent: number, failure: string | undefined): void;
}

/** Dials `host` and answers the CONNECT: 200 and bytes from then on, or the exchange is told why not. */
export function openTunnel(owner: TunnelOwner, stream: ServerStream, cluster: Cluster, host: Host): void {
  const { facts } = owner.connection;
  let cancelled = false;
  const waiting: StreamListener = {
    onData() {},
    onEnd() {},
    onWritable() {},
    onReset: () => {
      cancelled = true;
      owner.onTunnelOver(0, 0, undefined);
    },
  };
  stream.listener = waiting;
  host.active++;
  cluster.dialBytes(host, {
    onConnected(upstream) {
      if (cancelled) {
        host.active--;
        upstream.terminate();
        return;
      }
      const head = new ResponseHead(200, [], -1);
      owner.onTunnelOpen(head);
      const tunnel = new TunnelStream(
        stream,
        { address: facts.localAddress, port: facts.localPort },
        { address: facts.remoteAddress, port: facts.remotePort },
      );
      const over: SpliceListener = {
        onSpliceOver() {
          host.active--;
          owner.onTunnelOver(splice.received, splice.sent, undefined);
        },
      };
      const splice = new Splice(tunnel, upstream, undefined, owner.connection.http.table.streamIdleTimeoutMs, over);
      stream.respond(head, false);
    },
    onConnectFailure(detail) {
      host.active--;
      host.stats.connectFailures++;
      if (!cancelled) owner.onTunnelOver(0, 0, detail);
    },
  });
}
