// How bytes travel below HTTP: in the clear, or in TLS with secrets that SDS delivers.

import { matchesString, type StringMatch } from "./string-match.ts";

/** Names of secrets; the proxy holds their content and replaces it while connections live. */
export interface TlsSettings {
  /** Secret with the certificate and key that are presented; undefined presents none. */
  readonly certificate: string | undefined;
  /** Secret with the roots that the peer's chain must lead to; undefined trusts anyone. */
  readonly roots: string | undefined;
  /** The peer's URI SAN (or DNS SAN when there is none) must match one; empty accepts every chain that is trusted. */
  readonly subjectAltNames: readonly StringMatch[];
  readonly alpn: readonly string[];
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
}

/** A PROXY header before everything else. `tlvs`: types of those that are passed on. */
export interface UpstreamProxyProtocol {
  readonly version: "v1" | "v2";
  readonly tlvs: "all" | readonly number[];
}

export type UpstreamSocket = { readonly proxyProtocol?: UpstreamProxyProtocol | undefined } & (
  | { readonly kind: "raw" }
  | ({ readonly kind: "tls"; readonly sni: string } & TlsSettings)
);

export interface DownstreamTls extends TlsSettings {
  readonly requireClientCertificate: boolean;
  /** A client without SNI is refused. */
  readonly requireServerName: boolean;
}

/** Whether a proven name is one that was asked for. */
export function acceptsName(settings: Pick<TlsSettings, "subjectAltNames">, name: string): boolean {
  return settings.subjectAltNames.length === 0 || settings.subjectAltNames.some((match) => matchesString(match, name));
}

/** The key of a transport socket match: endpoint metadata `envoy.transport_socket_match` must contain every pair. */
export interface SocketMatch {
  readonly name: string;
  readonly criteria: ReadonlyMap<string, string>;
  readonly socket: UpstreamSocket;
}

/** The first match whose criteria the endpoint's metadata contains, else the cluster's own socket. */
export function chooseSocket(
  matches: readonly SocketMatch[],
  fallback: UpstreamSocket,
  metadata: ReadonlyMap<string, string>,
): UpstreamSocket {
  for (const { criteria, socket } of matches) {
    let contained = true;
    for (const [key, value] of criteria) contained &&= metadata.get(key) === value;
    if (contained) return socket;
  }
  return fallback;
}
