// Envoy's messages in protobuf's JSON form, with the field names of the proto files: the parts that most cases are made of.

import type { JsonValue } from "@bufbuild/protobuf";
import { type Identity, ROOTS } from "./certificates.ts";

export type Message = { readonly [field: string]: JsonValue };

const TYPES = "type.googleapis.com/envoy";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** An extension: `typed("extensions.filters.http.router.v3.Router", {…})`. */
export function typed(type: string, fields: Message = {}): Message {
  return { "@type": `${TYPES}.${type}`, ...fields };
}

/** An entry of a list of filters, loggers and the like: a name and its typed_config. */
export function extension(name: string, type: string, fields: Message = {}): Message {
  return { name, typed_config: typed(type, fields) };
}

export function socketAddress(port: number, address = "127.0.0.1"): Message {
  return { socket_address: { address, port_value: port } };
}

/** Where something is. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

export type UpstreamHttp = "http1" | "http2";

export function httpOptions(protocol: UpstreamHttp, common: Message = {}): Message {
  const options =
    protocol === "http1"
      ? { http_protocol_options: { enable_trailers: true } }
      : { http2_protocol_options: { allow_connect: true } };
  return {
    [HTTP_OPTIONS]: {
      "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
      explicit_http_config: options,
      ...(Object.keys(common).length > 0 && { common_http_protocol_options: common }),
    },
  };
}

function tlsContext({ chain, key }: Identity, peer: Identity, alpn: readonly string[]): Message {
  return {
    tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
    alpn_protocols: [...alpn],
    tls_certificates: [{ certificate_chain: { inline_string: chain }, private_key: { inline_string: key } }],
    validation_context: {
      trusted_ca: { inline_string: ROOTS },
      match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: peer.uri } }],
    },
  };
}

const TLS = "envoy.transport_sockets.tls";

export function upstreamTls(own: Identity, peer: Identity, alpn: readonly string[]): Message {
  return extension(TLS, "extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
    sni: "outbound_.80_._.upstream.default.svc.cluster.local",
    common_tls_context: tlsContext(own, peer, alpn),
  });
}

export function downstreamTls(own: Identity, peer: Identity, alpn: readonly string[]): Message {
  return extension(TLS, "extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
    require_client_certificate: true,
    disable_stateless_session_resumption: true,
    common_tls_context: tlsContext(own, peer, alpn),
  });
}

export const RAW_BUFFER = extension(
  "envoy.transport_sockets.raw_buffer",
  "extensions.transport_sockets.raw_buffer.v3.RawBuffer",
);
export const ROUTER = extension("envoy.filters.http.router", "extensions.filters.http.router.v3.Router");

/** One line per request, its fields apart by tabs. */
export function fileLog(path: string, format: string, filter?: Message): Message {
  const log = extension("envoy.access_loggers.file", "extensions.access_loggers.file.v3.FileAccessLog", {
    path,
    log_format: { text_format_source: { inline_string: format } },
  });
  return filter ? { ...log, filter } : log;
}

export function httpManager(fields: Message, filters: readonly Message[] = []): Message {
  return extension(
    "envoy.filters.network.http_connection_manager",
    "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    { stat_prefix: "lab", codec_type: "AUTO", http_filters: [...filters, ROUTER], ...fields },
  );
}

export function tcpProxy(fields: Message): Message {
  return extension("envoy.filters.network.tcp_proxy", "extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: "lab",
    ...fields,
  });
}

function isObject(value: unknown): value is Message {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `changes` over `base`: objects are merged, everything else replaces; `null` takes a field out. */
export function merge(base: Message, changes: Message): Message {
  const merged: Record<string, JsonValue> = { ...base };
  for (const [field, value] of Object.entries(changes)) {
    const old = merged[field];
    if (value === null) delete merged[field];
    else merged[field] = isObject(old) && isObject(value) ? merge(old, value) : value;
  }
  return merged;
}
