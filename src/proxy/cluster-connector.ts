// How streams of the proxy's own reach a cluster of its bootstrap.

import type { Connector } from "../grpc/channel.ts";
import { CLIENT_LIMITS } from "../grpc/client-limits.ts";
import { Http2ClientConnection } from "../http/h2/client-connection.ts";
import type { Cluster } from "./upstream/cluster.ts";
import { NO_PREFERENCE } from "./upstream/load-balancer-context.ts";

/** What a turn of the event loop reads at most: requests share it, and half of it opens again at a time. */
const WINDOW_BYTES = 256 * 1024;

/** Connections to a cluster of the bootstrap, as Envoy's gRPC client makes them: balanced, with the cluster's TLS. */
export function connectorTo(cluster: Cluster): Connector {
  return (onClosed) =>
    new Promise((resolve, reject) => {
      const host = cluster.choose(NO_PREFERENCE);
      if (!host) {
        reject(new Error(`cluster ${cluster.table.name} has no endpoint`));
        return;
      }
      cluster.dialHttp2(host, {
        onConnected: (stream) => {
          const connection = new Http2ClientConnection(
            stream,
            {
              onAvailable() {},
              onDraining() {},
              onClosed() {
                host.stats.activeConnections--;
                onClosed();
              },
            },
            {
              ...CLIENT_LIMITS,
              streamWindowBytes: WINDOW_BYTES,
              keepaliveIntervalMs: cluster.table.keepaliveIntervalMs,
              keepaliveTimeoutMs: cluster.table.keepaliveTimeoutMs,
            },
          );
          stream.listener = connection;
          host.stats.connections++;
          host.stats.activeConnections++;
          resolve(connection);
        },
        onConnectFailure(detail) {
          host.stats.connectFailures++;
          reject(new Error(detail));
        },
      });
    });
}
