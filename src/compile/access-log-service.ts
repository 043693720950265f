// What Envoy tells the agent of each request and connection, so that the agent can count them as Istio's metrics. One entry carries what the
// labels need of the other side; of its own side the agent knows all. Only the first message of a stream says who speaks and its log_name.
// Where the labels come from, as tried on Envoy 1.40:
//   reporter                      log_name, `source` or `destination`
//   the other workload            inbound: common_properties.metadata `heddle.peer`, the caller's x-envoy-peer-metadata
//                                 outbound: custom tag `workload`, the endpoint's metadata istio.workload
//   source_principal              inbound: tls_properties.peer_certificate_properties.subject_alt_name
//   destination_principal         outbound: custom tag `principal`; entries know of the downstream's TLS only
//   destination_service*          custom tag `services`, the cluster's metadata istio.services as JSON; else the authority
//   request_protocol              request header content-type `application/grpc…`, else http; tcp_logs: tcp
//   response_code, _flags         response.response_code, common_properties.response_flags
//   grpc_response_status          grpc-status of the trailers, else of the headers (a trailers-only response)
//   connection_security_policy    inbound: mutual_tls when tls_properties has a peer with a name
//   not counted                   upstream_cluster forwardProxyTunnel: the requests inside of the tunnel are; other CONNECTs are byte streams
//   sizes, duration               downstream_wire_bytes_*, duration; TCP: connection_properties, by intermediate entries too

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { packAny } from "../xds/any.ts";
import { type AccessLog, AccessLogSchema } from "../xds/gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import { ApiVersion } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import {
  type CommonGrpcAccessLogConfig,
  CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from "../xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.ts";
import { type CustomTag, CustomTagSchema } from "../xds/gen/envoy/type/tracing/v3/custom_tag_pb.ts";
import { lazy } from "./lazy.ts";

/** The side that reports, as the metric label has it. */
export type AccessLogReporter = "source" | "destination";

/** Cluster of the bootstrap: a Unix socket of the agent. */
const ALS_CLUSTER = "als-grpc";

/** How long entries wait for others: a test that looks at the metrics waits as long. Envoy's default is 1 s. */
const FLUSH_MS = 200;

function metadataTag(tag: string, kind: "host" | "cluster", key: string): CustomTag {
  return create(CustomTagSchema, {
    tag,
    type: {
      case: "metadata",
      value: {
        kind: { kind: { case: kind, value: {} } },
        metadataKey: { key: "istio", path: [{ segment: { case: "key", value: key } }] },
      },
    },
  });
}

function valueTag(tag: string, value: string): CustomTag {
  return create(CustomTagSchema, { tag, type: { case: "value", value } });
}

const principal = lazy(() => valueTag("principal", "%UPSTREAM_PEER_URI_SAN%"));
/** The route's. An entry's own upstream_cluster, and the metadata of clusters, are those of the host that was reached. */
const cluster = lazy(() => valueTag("cluster", "%UPSTREAM_CLUSTER_RAW%"));
const services = lazy(() => metadataTag("services", "cluster", "services"));
const workload = lazy(() => metadataTag("workload", "host", "workload"));

function common(reporter: AccessLogReporter): CommonGrpcAccessLogConfig {
  return create(CommonGrpcAccessLogConfigSchema, {
    logName: reporter,
    transportApiVersion: ApiVersion.V3,
    bufferFlushInterval: durationFromMs(FLUSH_MS),
    grpcService: { targetSpecifier: { case: "envoyGrpc", value: { clusterName: ALS_CLUSTER } } },
    customTags: reporter === "source" ? [principal(), cluster(), services(), workload()] : [services()],
  });
}

const REPORTS = {
  source: { http: lazy(() => makeHttp("source")), stream: lazy(() => makeStream("source")) },
  destination: { http: lazy(() => makeHttp("destination")), stream: lazy(() => makeStream("destination")) },
};

export function httpReport(reporter: AccessLogReporter): AccessLog {
  return REPORTS[reporter].http();
}

/** Of byte streams. The listener's flush interval decides how often a live one reports. */
export function streamReport(reporter: AccessLogReporter): AccessLog {
  return REPORTS[reporter].stream();
}

function makeHttp(reporter: AccessLogReporter): AccessLog {
  const config = create(HttpGrpcAccessLogConfigSchema, {
    commonConfig: common(reporter),
    additionalRequestHeadersToLog: ["content-type"],
    additionalResponseHeadersToLog: ["grpc-status"],
    additionalResponseTrailersToLog: ["grpc-status"],
  });
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.http_grpc",
    configType: { case: "typedConfig", value: packAny(HttpGrpcAccessLogConfigSchema, config) },
  });
}

function makeStream(reporter: AccessLogReporter): AccessLog {
  const config = create(TcpGrpcAccessLogConfigSchema, { commonConfig: common(reporter) });
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.tcp_grpc",
    configType: { case: "typedConfig", value: packAny(TcpGrpcAccessLogConfigSchema, config) },
  });
}
