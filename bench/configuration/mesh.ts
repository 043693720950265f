// Two sidecars with mutual TLS between them, as the control plane configures them: HTTP, and bytes.

import { spiffe } from "../identity.ts";
import { legClient, legListener, legServer, secrets } from "./leg.ts";
import {
  bootstrap,
  cluster,
  collector,
  HOST,
  httpFilter,
  INBOUND_RETRIES,
  inlineRoutes,
  listener,
  type Message,
  OUTBOUND_RETRIES,
  type Program,
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

export type HttpProtocol = "h2" | "http/1.1";

/** The caller's sidecar. `protocol` is what it speaks on the leg: what the peers differ in besides the program. */
export function clientBootstrap(
  ports: SidecarPorts,
  files: SidecarFiles,
  program: Program,
  protocol: HttpProtocol,
): Message {
  const name = `outbound|${HTTP_PORT}||${HOST}`;
  const metadata = { key: "x-envoy-peer-metadata", value: "%ENVIRONMENT(HEDDLE_PEER_METADATA)%" };
  const http = httpFilter({
    name: `upstream|${HTTP_PORT}||${HOST}`,
    program,
    accessLog: files.accessLog,
    filters: [],
    routes: inlineRoutes(
      `upstream|${HTTP_PORT}||${HOST}`,
      {
        request_headers_to_add: [{ header: metadata, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" }],
        include_request_attempt_count: true,
      },
      { cluster: name, host_rewrite_literal: HOST, retry_policy: OUTBOUND_RETRIES },
    ),
  });
  return bootstrap({
    name: "client",
    adminPort: ports.admin,
    secrets: secrets(files.certificates, "client"),
    listeners: [listener({ name: "upstream", port: ports.listen, direction: "OUTBOUND", chain: { filters: [http] } })],
    clusters: [cluster({ name, port: ports.next, protocol, leg: legClient(HTTP_PORT) }), collector()],
  });
}

/** The application's sidecar: takes either protocol on the leg, proves the caller, passes on what the application speaks. */
export function serverBootstrap(
  ports: SidecarPorts,
  files: SidecarFiles,
  program: Program,
  application: HttpProtocol,
): Message {
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
    program,
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
    routes: inlineRoutes(name, {}, { cluster: name, retry_policy: INBOUND_RETRIES }),
    settings: {
      forward_client_cert_details: "APPEND_FORWARD",
      set_current_client_cert_details: { subject: true, dns: true, uri: true },
    },
  });
  return bootstrap({
    name: "golden-signal",
    adminPort: ports.admin,
    secrets: secrets(files.certificates, "golden-signal"),
    listeners: [
      listener({
        name: "meshInbound",
        port: ports.listen,
        direction: "INBOUND",
        chain: { name: chain, transport_socket: legServer(["h2", "http/1.1"]), filters: [http] },
        leg: legListener(HTTP_PORT, chain, "http"),
      }),
    ],
    clusters: [cluster({ name, port: ports.next, protocol: application }), collector()],
  });
}

export function tcpClientBootstrap(ports: SidecarPorts, files: SidecarFiles): Message {
  const name = `outbound|${TCP_PORT}||${HOST}`;
  return bootstrap({
    name: "client",
    adminPort: ports.admin,
    secrets: secrets(files.certificates, "client"),
    listeners: [
      listener({
        name: "upstream",
        port: ports.listen,
        direction: "OUTBOUND",
        chain: { filters: [tcpFilter(name, files.accessLog)] },
      }),
    ],
    clusters: [cluster({ name, port: ports.next, protocol: "tcp", leg: legClient(TCP_PORT) })],
  });
}

export function tcpServerBootstrap(ports: SidecarPorts, files: SidecarFiles): Message {
  const chain = `inbound|${TCP_PORT}|tcp`;
  const name = `inbound|${TCP_PORT}||`;
  return bootstrap({
    name: "golden-signal",
    adminPort: ports.admin,
    secrets: secrets(files.certificates, "golden-signal"),
    listeners: [
      listener({
        name: "meshInbound",
        port: ports.listen,
        direction: "INBOUND",
        chain: { name: chain, transport_socket: legServer([]), filters: [tcpFilter(name, files.accessLog)] },
        leg: legListener(TCP_PORT, chain, "tcp"),
      }),
    ],
    clusters: [cluster({ name, port: ports.next, protocol: "tcp" })],
  });
}
