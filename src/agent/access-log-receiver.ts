// Envoy's requests as Istio's metrics: a stock Envoy has no istio_stats, so it reports each request to the agent, which counts it with the
// same labels as Heddle's own proxy. The compiler's access-log-service.ts says which entry carries what.

import { fromBinary } from "@bufbuild/protobuf";
import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { isGrpcContent } from "../grpc/content.ts";
import type { Method } from "../grpc/server.ts";
import { decodePeerMetadata, parseEndpointWorkload } from "../stats/peer-metadata.ts";
import {
  type CalledService,
  type Peer,
  serviceFromAuthority,
  type Traffic,
  UNKNOWN_PEER,
  UNKNOWN_WORKLOAD,
  type Workload,
} from "../stats/traffic-labels.ts";
import type { TrafficMetrics } from "../stats/traffic-metrics.ts";
import type {
  AccessLogCommon,
  HTTPAccessLogEntry,
  TCPAccessLogEntry,
  TLSProperties_CertificateProperties,
} from "../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import {
  type StreamAccessLogsMessage,
  StreamAccessLogsMessageSchema,
} from "../xds/gen/envoy/service/accesslog/v3/als_pb.ts";
import { parseClusterName, parseServerName } from "../xds/names.ts";
import { EnvoyConnections, type LogStream } from "./envoy-connections.ts";
import { responseFlags } from "./envoy-flags.ts";

export const ALS_PATH = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";

/** The cluster that leads from the forward proxy's CONNECT to its internal listener. */
const FORWARD_PROXY_TUNNEL = "forwardProxyTunnel";

function uriName(certificate: TLSProperties_CertificateProperties | undefined): string {
  for (const { san } of certificate?.subjectAltName ?? []) if (san.case === "uri") return san.value;
  return "";
}

/** Custom tag `services`: the cluster's metadata as JSON. */
function taggedService(common: AccessLogCommon | undefined): CalledService | undefined {
  const text = common?.customTags.services;
  if (!text) return undefined;
  try {
    const [first] = JSON.parse(text) as readonly Partial<CalledService>[];
    return first?.host === undefined
      ? undefined
      : { host: first.host, name: first.name ?? "", namespace: first.namespace ?? "" };
  } catch {
    return undefined; // not ours: the authority names the service
  }
}

/** `golden-signal.default.svc.cluster.local`; of hosts outside Kubernetes the whole name is the service's. */
function serviceOfHost(host: string): CalledService {
  const [name = host, namespace = ""] = host.includes(".svc.") ? host.split(".") : [];
  return { host, name, namespace };
}

/** Where no host was reached (a fault, no healthy endpoint) the cluster's name alone tells the service. */
function serviceOfCluster(name: string): CalledService | undefined {
  const cluster = parseClusterName(name);
  return cluster?.direction === "outbound" ? serviceOfHost(cluster.host) : undefined;
}

function calledService(common: AccessLogCommon | undefined, authority: string): CalledService {
  const sni = parseServerName(common?.tlsProperties?.tlsSniHostname ?? "");
  if (sni) {
    const [name = sni.host, namespace = ""] = sni.host.split(".");
    return { host: sni.host, name, namespace };
  }
  const cluster = common?.customTags.cluster ?? common?.upstreamCluster ?? "";
  return taggedService(common) ?? serviceOfCluster(cluster) ?? serviceFromAuthority(authority, cluster);
}

function elapsed(duration: Duration | undefined): number {
  return duration ? durationMs(duration) : 0;
}

export class AccessLogReceiver {
  readonly #metrics: TrafficMetrics;
  readonly #self: Workload;
  readonly #principal: () => string;
  readonly #connections = new EnvoyConnections();

  /** `principal`: the SPIFFE id of this workload, once it has one. */
  constructor(metrics: TrafficMetrics, self: Workload, principal: () => string) {
    this.#metrics = metrics;
    this.#self = self;
    this.#principal = principal;
  }

  readonly method: Method = (call) => {
    let reporter: Traffic["reporter"] = "source";
    const stream = this.#connections.stream();
    return {
      onMessage: (message) => {
        let report: StreamAccessLogsMessage;
        try {
          report = fromBinary(StreamAccessLogsMessageSchema, message);
        } catch {
          call.end({ code: "INVALID_ARGUMENT", message: "bytes are not a StreamAccessLogsMessage" });
          this.#connections.streamOver(stream);
          return;
        }
        const { identifier, logEntries } = report;
        // Said once, with the first message of a stream.
        if (identifier) reporter = identifier.logName === "destination" ? "destination" : "source";
        if (logEntries.case === "httpLogs")
          for (const entry of logEntries.value.logEntry) this.#request(reporter, entry);
        if (logEntries.case === "tcpLogs")
          for (const entry of logEntries.value.logEntry) this.#connection(reporter, entry, stream);
      },
      onEnd: () => {
        call.end();
        this.#connections.streamOver(stream);
      },
      onCancel: () => this.#connections.streamOver(stream),
    };
  };

  /** The proxy that reported here has ended, and whatever it had open with it. */
  proxyEnded(): void {
    this.#connections.envoyEnded();
  }

  #traffic(
    reporter: Traffic["reporter"],
    protocol: Traffic["protocol"],
    common: AccessLogCommon | undefined,
    authority: string,
  ): Traffic {
    const service = calledService(common, authority);
    const own: Peer = { workload: this.#self, principal: this.#principal() };
    if (reporter === "source") {
      const workload = parseEndpointWorkload(common?.customTags.workload ?? "");
      const tag = common?.customTags.principal ?? "-"; // a dash: no certificate
      const principal = tag === "-" ? "" : tag;
      return {
        reporter,
        protocol,
        source: own,
        destination: workload ? { workload, principal } : UNKNOWN_PEER,
        service,
      };
    }
    const principal = uriName(common?.tlsProperties?.peerCertificateProperties);
    const claimed = common?.metadata?.filterMetadata["heddle.peer"]?.metadata;
    const workload = (typeof claimed === "string" ? decodePeerMetadata(claimed) : undefined) ?? UNKNOWN_WORKLOAD;
    return {
      reporter,
      protocol,
      source: { workload, principal },
      destination: principal === "" ? { ...own, principal: "" } : own,
      service,
    };
  }

  #request(reporter: Traffic["reporter"], { commonProperties: common, request, response }: HTTPAccessLogEntry): void {
    // The tunnel of the forward proxy is not counted: what travels in it is.
    if (common?.upstreamCluster === FORWARD_PROXY_TUNNEL) return;
    const grpc = isGrpcContent(request?.requestHeaders["content-type"]);
    const status = response?.responseTrailers["grpc-status"] ?? response?.responseHeaders["grpc-status"];
    const traffic = this.#traffic(reporter, grpc ? "grpc" : "http", common, request?.authority ?? "");
    this.#metrics
      .requests(traffic)
      .record(
        response?.responseCode ?? 0,
        grpc && status !== undefined ? Number(status) : -1,
        responseFlags(common?.responseFlags),
        elapsed(common?.duration ?? common?.timeToLastDownstreamTxByte),
        Number(common?.downstreamWireBytesReceived ?? 0n),
        Number(common?.downstreamWireBytesSent ?? 0n),
      );
  }

  #connection(
    reporter: Traffic["reporter"],
    { commonProperties: common, connectionProperties: bytes }: TCPAccessLogEntry,
    stream: LogStream,
  ): void {
    this.#connections.report(
      common?.streamId ?? "",
      this.#metrics.tcp(this.#traffic(reporter, "tcp", common, ""), "-"),
      Number(bytes?.sentBytes ?? 0n),
      Number(bytes?.receivedBytes ?? 0n),
      common?.intermediateLogEntry !== true,
      stream,
    );
  }
}
