// Which cell of the traffic store one of Istio's series belongs to.

import {
  REQUEST_BYTES,
  REQUEST_DURATION,
  REQUEST_MESSAGES,
  REQUESTS,
  RESPONSE_BYTES,
  RESPONSE_MESSAGES,
  TCP_CLOSED,
  TCP_OPENED,
  TCP_RECEIVED,
  TCP_SENT,
} from "../stats/names/traffic.ts";
import type { Series } from "../stats/parse.ts";
import type { Increments } from "./increments.ts";
import type { Sink } from "./sink.ts";
import type { EdgeIdentity, EdgeRecord, TrafficStore, WorkloadRef } from "./traffic-store.ts";

type Labels = ReadonlyMap<string, string>;

function label(labels: Labels, name: string): string {
  return labels.get(name) ?? "unknown";
}

function workload(labels: Labels, side: "source" | "destination"): WorkloadRef {
  return {
    namespace: label(labels, `${side}_workload_namespace`),
    name: label(labels, `${side}_workload`),
    app: label(labels, `${side}_canonical_service`),
    version: label(labels, `${side}_canonical_revision`),
    cluster: label(labels, `${side}_cluster`),
  };
}

/** Series of messages say no protocol: gRPC alone has them. */
function protocolOf({ name, labels }: Series): EdgeIdentity["protocol"] {
  if (name === REQUEST_MESSAGES.name || name === RESPONSE_MESSAGES.name) return "grpc";
  const protocol = labels.get("request_protocol");
  return protocol === "tcp" || protocol === "grpc" ? protocol : "http";
}

/** Of what is no service the host is a client's Host header, which may have a port. */
function withoutPort(host: string): string {
  return host.replace(/:\d+$/, "");
}

function identityOf(series: Series): EdgeIdentity {
  const { labels } = series;
  return {
    reporter: labels.get("reporter") === "source" ? "source" : "destination",
    protocol: protocolOf(series),
    source: workload(labels, "source"),
    destination: workload(labels, "destination"),
    service: {
      namespace: label(labels, "destination_service_namespace"),
      name: withoutPort(label(labels, "destination_service_name")),
      host: withoutPort(label(labels, "destination_service")),
    },
  };
}

/** The cells that a series' growth is added to; none for a series of no interest. */
function cells(record: EdgeRecord, { name, labels }: Series): (Increments | undefined)[] {
  const security = () =>
    record.security(
      label(labels, "connection_security_policy"),
      label(labels, "source_principal"),
      label(labels, "destination_principal"),
    ).amount;
  switch (name) {
    case REQUESTS.name: {
      const code = Number.parseInt(labels.get("response_code") ?? "0", 10) || 0;
      const outcome = record.outcome(
        code,
        labels.get("grpc_response_status") ?? "",
        labels.get("response_flags") ?? "-",
      );
      return [outcome.requests, security()];
    }
    case `${REQUEST_DURATION.name}_sum`:
      return [record.durationSumMs];
    case `${REQUEST_BYTES.name}_sum`:
      return [record.requestBytes];
    case `${RESPONSE_BYTES.name}_sum`:
      return [record.responseBytes];
    case REQUEST_MESSAGES.name:
    case RESPONSE_MESSAGES.name:
      return [record.messages];
    case TCP_OPENED.name:
      return [record.connectionsOpened, security()];
    case TCP_CLOSED.name:
      return [record.connectionsClosed];
    case TCP_SENT.name:
      return [record.bytesSent];
    case TCP_RECEIVED.name:
      return [record.bytesReceived];
    case `${REQUEST_DURATION.name}_bucket`: {
      const le = labels.get("le");
      return [le === undefined ? undefined : record.duration(le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le))];
    }
    default:
      return [];
  }
}

/** The sink for a series of Istio's traffic metrics; undefined for every other series, and when the store is full. */
export function trafficSink(store: TrafficStore, series: Series, nowMs: number): Sink | undefined {
  if (!series.name.startsWith("istio_") || !series.labels.has("reporter")) return undefined;
  const record = store.edge(identityOf(series), nowMs);
  if (!record) return undefined;
  const targets = cells(record, series).filter((cell) => cell !== undefined);
  if (targets.length === 0) return undefined;
  const grow = (amount: number, fromMs: number, toMs: number) => {
    store.touch(record, toMs);
    for (const target of targets) target.add(fromMs, toMs, amount);
  };
  if (!series.name.endsWith("_bucket")) return { kind: "counter", grow };
  const group = [...series.labels].filter(([name]) => name !== "le").flat();
  return { kind: "bucket", group: `${series.name}\0${group.join("\0")}`, grow };
}
