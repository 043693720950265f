// How bytes travel below HTTP: in the clear, or in TLS with secrets that SDS delivers.

import { matchesString, type StringMatch } from "./string-match.ts";

/** A name of its kind: what reads like a URI in a DNS name is no identity. */
export interface SubjectName {
  readonly type: "uri" | "dns";
  readonly match: StringMatch;
}

/** Names of secrets; the proxy holds their content and replaces it while connections live. */
export interface TlsSettings {
  /** Secret with the certificate and key that are presented; undefined presents none. */
  readonly certificate: string | undefined;
  /** Secret with the roots that the peer's chain must lead to; undefined trusts anyone. */
  readonly roots: string | undefined;
  /** A chain that does not lead to them is taken as well, and proves nothing. */
  readonly acceptsUntrusted: boolean;
  /** The peer's certificate must have a name that matches one; empty accepts every chain that is trusted. */
  readonly subjectAltNames: readonly SubjectName[];
  /** SHA-256 of the peer's certificate, in hexadecimal, and of its public key, in base64; it must be one of either (Envoy accepts by any). */
  readonly certificateHashes: readonly string[];
  readonly publicKeyHashes: readonly string[];
  readonly alpn: readonly string[];
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Undefined: the newest. */
  readonly maxVersion: "TLSv1.2" | "TLSv1.3" | undefined;
  /** OpenSSL's names between colons, for TLS 1.2; undefined: the library's choice. */
  readonly ciphers: string | undefined;
  /** BoringSSL's names between colons, the preferred one first; undefined: the library's choice. */
  readonly curves: string | undefined;
  /** Of those, the names that are asked for on the stream of everything else (ADS); the others are the agent's. */
  readonly discovered: readonly string[];
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
  readonly requireSni: boolean;
}

/** The names in a certificate whose chain was proven. */
export interface PeerNames {
  /** Its SPIFFE id; "" when it has none by the rules of X.509-SVID. */
  readonly uri: string;
  readonly dnsNames: readonly string[];
}

/** One label and no more stands for the asterisk (RFC 6125 6.4.3; CVE-2020-15104). */
function matchesDnsName(match: StringMatch, name: string): boolean {
  const lower = name.toLowerCase();
  if (match.kind !== "exact") return matchesString(match, lower);
  const wanted = match.text.toLowerCase();
  if (!lower.startsWith("*.")) return wanted === lower;
  const dot = wanted.indexOf(".");
  return dot > 0 && wanted.slice(dot) === lower.slice(1);
}

/** Whether a certificate has a name that was asked for. */
export function acceptsName({ subjectAltNames }: Pick<TlsSettings, "subjectAltNames">, names: PeerNames): boolean {
  if (subjectAltNames.length === 0) return true;
  return subjectAltNames.some(({ type, match }) =>
    type === "uri"
      ? names.uri !== "" && matchesString(match, names.uri)
      : names.dnsNames.some((name) => matchesDnsName(match, name)),
  );
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
