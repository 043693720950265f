// TLS contexts: certificate, key and roots, made when a secret arrives (74 µs) and shared by every connection after it.

import tls, { type SecureContext } from "node:tls";

/** Without tickets: a resumed session would outlive the client's certificate (BoringSSL does not check it again). */
const SSL_OP_NO_TICKET = 0x4000;

export interface TlsMaterial {
  /** PEM, leaf first. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** PEM of the roots to trust; undefined: the system's. */
  readonly roots: string | undefined;
  /**
   * PEM, one list of revoked certificates each; undefined: nobody is looked for. Otherwise every authority of a chain must have a list
   * that is of today, as in Envoy (X509_V_FLAG_CRL_CHECK_ALL): without one the chain does not hold.
   */
  readonly revoked?: readonly string[] | undefined;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface TlsLimits {
  /** Undefined: the newest. */
  readonly maxVersion?: TlsVersion | undefined;
  /** OpenSSL's names between colons, for TLS 1.2; undefined: BoringSSL's own choice. */
  readonly ciphers?: string | undefined;
  /** BoringSSL's names between colons, the preferred one first; undefined: BoringSSL's own choice. */
  readonly curves?: string | undefined;
}

/** What Bun's sockets take as `tls.secureContext`. */
export type NativeContext = SecureContext["context"];

/**
 * A context for one side or both. TLS 1.3 alone on the mesh: every peer is ours or Envoy.
 * @throws Error of OpenSSL when the PEM is malformed or the key does not belong to the certificate: check configuration with it.
 */
export function createTlsContext(
  material: TlsMaterial,
  minVersion: TlsVersion,
  { maxVersion, ciphers, curves }: TlsLimits = {},
): NativeContext {
  return tls.createSecureContext({
    ...(material.certificate !== undefined && { cert: material.certificate }),
    ...(material.key !== undefined && { key: material.key }),
    ...(material.roots !== undefined && { ca: material.roots }),
    ...(material.revoked !== undefined && { crl: [...material.revoked] }),
    minVersion,
    ...(maxVersion !== undefined && { maxVersion }),
    ...(ciphers !== undefined && { ciphers }),
    ...(curves !== undefined && { ecdhCurve: curves }),
    secureOptions: SSL_OP_NO_TICKET,
  }).context;
}

/** ALPN's wire format (RFC 7301 3.1): each name behind its length. Undefined for none. */
export function encodeAlpn(protocols: readonly string[]): ArrayBuffer | undefined {
  if (protocols.length === 0) return undefined;
  const bytes = protocols.flatMap((protocol) => [protocol.length, ...Buffer.from(protocol, "latin1")]);
  return new Uint8Array(bytes).buffer;
}
