// The operators without an argument, for one record. Undefined is absent.

import { hostname } from "node:os";
import type { HeaderList } from "../http/headers.ts";
import type { RequestHead, ResponseHead } from "../http/stream.ts";
import type { PlainOperator } from "../table/format/catalogue.ts";
import type { LogType } from "../table/log-filter.ts";
import type { Route } from "../table/route.ts";
import { type DownstreamFacts, formatSocketAddress } from "./connection-facts.ts";
import { explanation } from "./explanation.ts";
import { longFlags } from "./response-flags.ts";
import { addressOf, portOf } from "./socket-label.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

/** What the operators read of an AccessRecord. */
export interface OperatorFacts {
  readonly facts: DownstreamFacts;
  readonly request: RequestHead | undefined;
  readonly response: ResponseHead | undefined;
  readonly trailers: HeaderList | undefined;
  readonly route: Route | undefined;
  readonly cluster: Cluster | undefined;
  readonly clusterName: string;
  readonly host: Host | undefined;
  readonly upstreamLocal: string;
  readonly upstreamProtocol: string | undefined;
  readonly attempts: number;
  readonly status: number;
  readonly flags: string;
  readonly details: string | undefined;
  readonly transportFailure: string | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  readonly logType: LogType;
  requestHeader(name: string): string | undefined;
}

/** Envoy asks gethostname, as this does. */
const HOSTNAME = hostname();

/** Names and values alone, as Envoy counts a header map. */
function fieldBytes(headers: HeaderList | undefined): number {
  let bytes = 0;
  if (headers) for (let i = 0; i < headers.length; i++) bytes += headers[i]!.length;
  return bytes;
}

function requestBytes({ request }: OperatorFacts): number {
  if (!request) return 0;
  const pseudo = ":method".length + request.method.length + ":authority".length + request.authority.length;
  const path = request.path === "" ? 0 : ":path".length + request.path.length;
  const length = request.contentLength < 0 ? 0 : "content-length".length + String(request.contentLength).length;
  return pseudo + path + ":scheme".length + request.scheme.length + length + fieldBytes(request.headers);
}

function responseBytes({ response }: OperatorFacts): number {
  if (!response) return 0;
  const length = response.contentLength < 0 ? 0 : "content-length".length + String(response.contentLength).length;
  return ":status".length + String(response.status).length + length + fieldBytes(response.headers);
}

function queryOf(record: OperatorFacts): string | undefined {
  const path = record.requestHeader("x-envoy-original-path") ?? record.request?.path;
  const start = path?.indexOf("?") ?? -1;
  return path === undefined || start === -1 ? undefined : path.slice(start + 1);
}

function peerOperator(name: PlainOperator, { peer, principal, tls }: DownstreamFacts): string | undefined {
  switch (name) {
    case "DOWNSTREAM_PEER_URI_SAN":
      return principal || undefined;
    case "DOWNSTREAM_PEER_DNS_SAN":
      return peer?.dnsNames.join(",") || undefined;
    case "DOWNSTREAM_PEER_SUBJECT":
      return peer?.subject;
    case "DOWNSTREAM_PEER_ISSUER":
      return peer?.issuer;
    case "DOWNSTREAM_PEER_SERIAL":
      return peer?.serial;
    case "DOWNSTREAM_PEER_FINGERPRINT_1":
      return peer?.fingerprint("sha1");
    case "DOWNSTREAM_PEER_FINGERPRINT_256":
      return peer?.fingerprint("sha256");
    case "DOWNSTREAM_PEER_CERT":
      return peer?.pem;
    case "DOWNSTREAM_TLS_VERSION":
      return tls?.version;
    case "DOWNSTREAM_TLS_CIPHER":
      return tls?.cipher;
    default:
      return undefined;
  }
}

function downstreamOperator(name: PlainOperator, facts: DownstreamFacts): string | number | undefined {
  switch (name) {
    case "DOWNSTREAM_LOCAL_ADDRESS":
      return facts.localLabel;
    case "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT":
      return facts.localAddress;
    case "DOWNSTREAM_LOCAL_PORT":
      return facts.localPort;
    case "DOWNSTREAM_DIRECT_LOCAL_ADDRESS":
      return formatSocketAddress(facts.directLocal);
    case "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT":
      return facts.directLocal.address;
    case "DOWNSTREAM_DIRECT_LOCAL_PORT":
      return facts.directLocal.port;
    case "DOWNSTREAM_REMOTE_ADDRESS":
      return facts.remoteLabel;
    case "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":
      return facts.remoteAddress;
    case "DOWNSTREAM_REMOTE_PORT":
      return facts.remotePort;
    case "DOWNSTREAM_DIRECT_REMOTE_ADDRESS":
      return formatSocketAddress(facts.directRemote);
    case "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT":
      return facts.directRemote.address;
    case "DOWNSTREAM_DIRECT_REMOTE_PORT":
      return facts.directRemote.port;
    case "REQUESTED_SERVER_NAME":
      return facts.serverName || undefined;
    case "CONNECTION_ID":
      return facts.connectionId;
    default:
      return peerOperator(name, facts);
  }
}

function upstreamOperator(name: PlainOperator, record: OperatorFacts): string | number | undefined {
  const { host, upstreamLocal } = record;
  switch (name) {
    case "UPSTREAM_HOST":
    case "UPSTREAM_REMOTE_ADDRESS":
      return host?.label;
    case "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":
      return host && addressOf(host.label);
    case "UPSTREAM_REMOTE_PORT":
      return host && portOf(host.label);
    case "UPSTREAM_CLUSTER":
      return record.cluster?.table.statName ?? (record.clusterName || undefined);
    case "UPSTREAM_CLUSTER_RAW":
      return record.clusterName || undefined;
    case "UPSTREAM_LOCAL_ADDRESS":
      return upstreamLocal || undefined;
    case "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT":
      return upstreamLocal === "" ? undefined : addressOf(upstreamLocal);
    case "UPSTREAM_LOCAL_PORT":
      return upstreamLocal === "" ? undefined : portOf(upstreamLocal);
    case "UPSTREAM_REQUEST_ATTEMPT_COUNT":
      // Of a request, Envoy counts from the choice of the cluster on, with or without a host.
      return record.cluster && record.request ? Math.max(1, record.attempts) : record.attempts;
    case "UPSTREAM_PEER_URI_SAN":
      return host?.principal || undefined;
    case "UPSTREAM_TRANSPORT_FAILURE_REASON":
      return record.transportFailure;
    case "UPSTREAM_PROTOCOL":
      return record.upstreamProtocol;
    default:
      return downstreamOperator(name, record.facts);
  }
}

export function recordOperator(name: PlainOperator, record: OperatorFacts): string | number | undefined {
  switch (name) {
    case "PROTOCOL":
      return record.request?.protocol;
    case "RESPONSE_CODE":
      return record.status;
    case "RESPONSE_FLAGS":
      return record.flags;
    case "RESPONSE_FLAGS_LONG":
      return longFlags(record.flags);
    case "RESPONSE_CODE_DETAILS":
      return record.details;
    case "BYTES_RECEIVED":
      return record.bytesReceived;
    case "BYTES_SENT":
      return record.bytesSent;
    case "REQUEST_HEADERS_BYTES":
      return requestBytes(record);
    case "RESPONSE_HEADERS_BYTES":
      return responseBytes(record);
    case "RESPONSE_TRAILERS_BYTES":
      return fieldBytes(record.trailers);
    case "DURATION":
      return Math.floor(record.durationMs);
    case "ROUTE_NAME":
      return record.route?.name || undefined;
    case "QUERY_PARAMS":
      return queryOf(record);
    case "HOSTNAME":
      return HOSTNAME;
    case "STREAM_ID":
      return record.requestHeader("x-request-id");
    case "UNIQUE_ID":
      return crypto.randomUUID();
    case "HEDDLE_EXPLANATION":
      return explanation(record);
    case "ACCESS_LOG_TYPE":
      return record.logType;
    case "CONNECTION_TERMINATION_DETAILS": // said of connections that Envoy's own filters end; none of them is here
    case "VIRTUAL_CLUSTER_NAME": // virtual clusters are refused with the route that has them
      return undefined;
    default:
      return upstreamOperator(name, record);
  }
}
