// Two sidecars with mutual TLS between them, as the control plane configures them: HTTP, and bytes.

import { spiffe } from "../identity.ts";
import { legClient, legListener, legServer, secrets } from "./leg.ts";
import {
  bootstrap,
  cluster,
  HOST,
  httpFilter,
  INBOUND_RETRIES,
  listener,
  type Message,
  OUTBOUND_RETRIES,
  rbacFilter,
  tcpFilter,
} from "./parts.ts";

export interface SidecarPorts {
  readonly listen: number;
  readonly admin: number;
  /** The peer's listener, or the application. */
  readonly next: number;
}

export interface SidecarFiles {
  readonly accessLog: string;
  /** Folder of the certificates. */
  readonly certificates: string;
}

const HTTP_PORT = 80;
const TCP_PORT = 9_000;

/** The caller's sidecar. `protocol` is what it speaks on the leg: the one thing in which the peers differ. */
export function clientBootstrap(ports: SidecarPorts, files: SidecarFiles, protocol: "h2" | "http/1.1"): Message {
  const name = `outbound|${HTTP_PORT}||${HOST}`;
  const metadata = { key: "x-envoy-peer-metadata", value: "%ENVIRONMENT(HEDDLE_PEER_METADATA)%" };
  const http = httpFilter({
    name: `upstream|${HTTP_PORT}||${HOST}`,
    accessLog: files.accessLog,
    filters: [],
    virtualHost: {
      request_headers_to_add: [{ header: metadata, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" }],
      include_request_attempt_count: true,
    },
    route: { cluster: name, host_rewrite_literal: HOST, retry_policy: OUTBOUND_RETRIES },
  });
  return bootstrap({
    name: "client",
    adminPort: ports.admin,
    secrets: secrets(files.certificates, "client"),
    listener: listener({ name: "upstream", port: ports.listen, direction: "OUTBOUND", chain: { filters: [http] } }),
    cluster: cluster({ name, port: ports.next, protocol, leg: legClient(HTTP_PORT) }),
  });
}

/** The application's sidecar: takes either protocol on the leg, proves the caller, passes HTTP/1.1 on. */
export function serverBootstrap(ports: SidecarPorts, files: SidecarFiles): Message {
  const chain = "inbound|8080|http";
  const name = "inbound|8080||";
  const peerMetadata = {
    header: "x-envoy-peer-metadata",
    on_header_present: { metadata_namespace: "heddle.peer", key: "metadata", type: "STRING" },
    remove: true,
  };
  const caller = { authenticated: { principal_name: { exact: spiffe("client") } } };
  const http = httpFilter({
    name,
    accessLog: files.accessLog,
    filters: [
      {
        name: "heddle.peer_metadata",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
          request_rules: [peerMetadata],
        },
      },
      rbacFilter(caller),
    ],
    virtualHost: {},
    route: { cluster: name, retry_policy: INBOUND_RETRIES },
    settings: {
      forward_client_cert_details: "APPEND_FORWARD",
      set_current_client_cert_details: { subject: true, dns: true, uri: true },
    },
  });
  return bootstrap({
    name: "golden-signal",
    adminPort: ports.admin,
    secrets: secrets(files.certificates, "golden-signal"),
    listener: listener({
      name: "meshInbound",
      port: ports.listen,
      direction: "INBOUND",
      chain: { name: chain, transport_socket: legServer(["h2", "http/1.1"]), filters: [http] },
      leg: legListener(HTTP_PORT, chain, "http"),
    }),
    cluster: cluster({ name, port: ports.next, protocol: "http/1.1" }),
  });
}

export function tcpClientBootstrap(ports: SidecarPorts, files: SidecarFiles): Message {
  const name = `outbound|${TCP_PORT}||${HOST}`;
  return bootstrap({
    name: "client",
    adminPort: ports.admin,
    secrets: secrets(files.certificates, "client"),
    listener: listener({
      name: "upstream",
      port: ports.listen,
      direction: "OUTBOUND",
      chain: { filters: [tcpFilter(name, files.accessLog)] },
    }),
    cluster: cluster({ name, port: ports.next, protocol: "tcp", leg: legClient(TCP_PORT) }),
  });
}

export function tcpServerBootstrap(ports: SidecarPorts, files: SidecarFiles): Message {
  const chain = `inbound|${TCP_PORT}|tcp`;
  const name = `inbound|${TCP_PORT}||`;
  return bootstrap({
    name: "golden-signal",
    adminPort: ports.admin,
    secrets: secrets(files.certificates, "golden-signal"),
    listener: listener({
      name: "meshInbound",
      port: ports.listen,
      direction: "INBOUND",
      chain: { name: chain, transport_socket: legServer([]), filters: [tcpFilter(name, files.accessLog)] },
      leg: legListener(TCP_PORT, chain, "tcp"),
    }),
    cluster: cluster({ name, port: ports.next, protocol: "tcp" }),
  });
}
