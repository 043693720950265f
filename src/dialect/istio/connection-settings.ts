// connectionSettings of ProxyConfig → what proxies do with connections of their clients.

import { type ConnectionSettings, EDGE_CONNECTIONS } from "../../model/connection-settings.ts";
import type { ConnectionSettingsSpec } from "./proxy-config-schema.ts";

const UNDERSCORES: Readonly<Record<string, ConnectionSettings["underscores"]>> = {
  HEADERS_WITH_UNDERSCORES_ALLOW: "allow",
  HEADERS_WITH_UNDERSCORES_REJECT_REQUEST: "reject",
  HEADERS_WITH_UNDERSCORES_DROP_HEADER: "drop",
};

const ESCAPED_SLASHES: Readonly<Record<string, ConnectionSettings["escapedSlashes"]>> = {
  KEEP_UNCHANGED: "keep",
  REJECT_REQUEST: "reject",
  UNESCAPE_AND_REDIRECT: "redirect",
  UNESCAPE_AND_FORWARD: "forward",
};

/** Of a sidecar; profiles are for gateways. */
export function readConnectionSettings(spec: ConnectionSettingsSpec): ConnectionSettings {
  return {
    bufferBytes: spec.listenerPerConnectionBufferLimitBytes,
    idleMs: spec.httpIdleTimeout,
    maxConnectionMs: spec.httpMaxConnectionDuration,
    streamIdleMs: spec.httpStreamIdleTimeout,
    requestMs: spec.httpRequestTimeout,
    requestHeadersMs: spec.httpRequestHeadersTimeout,
    maxStreamMs: spec.httpMaxStreamDuration,
    drainMs: spec.httpDrainTimeout,
    maxConcurrentStreams: spec.httpMaxConcurrentStreams,
    streamWindowBytes: spec.http2InitialStreamWindowSize,
    connectionWindowBytes: spec.http2InitialConnectionWindowSize,
    underscores: UNDERSCORES[spec.httpHeadersWithUnderscoresAction ?? ""],
    mergeSlashes: spec.httpMergeSlashes,
    escapedSlashes: ESCAPED_SLASHES[spec.httpPathWithEscapedSlashesAction ?? ""],
  };
}

/** What is said beats the profile. */
export function readGatewayConnections(spec: ConnectionSettingsSpec): ConnectionSettings {
  const said = Object.entries(readConnectionSettings(spec)).filter(([, value]) => value !== undefined);
  return { ...(spec.profile === "EDGE" ? EDGE_CONNECTIONS : {}), ...Object.fromEntries(said) };
}
