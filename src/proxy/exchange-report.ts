// What a finished request is counted as: by its connection manager, its cluster, and who called whom.

import type { RequestHead } from "../http/stream.ts";
import { NO_VALUES } from "../stats/metric-overrides.ts";
import { valuesOf } from "../table/metric-overrides.ts";
import type { AccessRecord } from "./access-record.ts";
import type { Downstream } from "./downstream.ts";
import type { GrpcCall } from "./grpc-call.ts";
import { statusClass } from "./status-class.ts";

export function reportExchange(
  connection: Downstream,
  head: RequestHead,
  record: AccessRecord,
  peerMetadata: string,
  grpc: GrpcCall | undefined,
): void {
  const slot = statusClass(record.status);
  const { stats, metrics } = connection.http;
  stats.classes[slot]!++;
  stats.activeRequests--;
  if (record.cluster) record.cluster.stats.classes[slot]!++;
  // A fault or a refusal ends a request that has its route already: Envoy's stream knows the route's cluster from then on.
  const cluster = record.cluster ?? connection.context.clusters.get(record.clusterName);
  const edge = connection.edge(cluster, record.host, peerMetadata, head.authority, grpc ? "grpc" : "http");
  const given = metrics ? valuesOf(metrics, record) : NO_VALUES;
  edge.record(
    record.response?.status ?? 0,
    grpc ? grpc.status : -1,
    record.flags,
    record.durationMs,
    head.wireBytes + record.bytesReceived,
    (record.response?.wireBytes ?? 0) + record.bytesSent,
    given,
  );
  if (grpc) edge.messages(grpc.requests.count, grpc.responses.count, given);
}
