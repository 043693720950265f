// A CONNECT that ends here: its bytes go to a host as they are, whichever of HTTP/1.1 and HTTP/2 carries them to us.

import { ResponseHead, type ServerStream, type StreamListener } from "../../http/stream.ts";
import type { Downstream } from "../downstream.ts";
import { HttpBytes } from "../http-bytes.ts";
import { Splice, type SpliceListener } from "../splice.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";

/** Both sides have windows and kernel buffers beside it. */
const TUNNEL_BUFFER_BYTES = 64 * 1024;

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
  const onBehalf = {
    source: { address: facts.remoteAddress, port: facts.remotePort },
    destination: { address: facts.localAddress, port: facts.localPort },
    tlvs: [],
  };
  cluster.dialBytes(host, onBehalf, {
    onConnected(upstream) {
      if (cancelled) {
        host.active--;
        upstream.terminate();
        return;
      }
      const head = new ResponseHead(200, [], -1);
      owner.onTunnelOpen(head);
      const tunnel = new HttpBytes(stream, onBehalf.destination, onBehalf.source);
      stream.listener = tunnel;
      const settings = {
        idleTimeoutMs: owner.connection.http.table.streamIdleTimeoutMs,
        toUpstreamBytes: cluster.table.bufferLimitBytes ?? TUNNEL_BUFFER_BYTES,
        toDownstreamBytes: TUNNEL_BUFFER_BYTES,
      };
      const over: SpliceListener = {
        onSpliceOver() {
          host.active--;
          owner.onTunnelOver(splice.received, splice.sent, undefined);
        },
      };
      const splice = new Splice(tunnel, upstream, undefined, settings, over);
      stream.respond(head, false);
    },
    onConnectFailure(detail) {
      host.active--;
      host.stats.connectFailures++;
      if (!cancelled) owner.onTunnelOver(0, 0, detail);
    },
  });
}
