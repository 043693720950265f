// How a server of a Gateway ends TLS, or does not.

import {
  type CertificateSource,
  type ClientVerification,
  type GatewayTls,
  type RootsSource,
  TLS_VERSIONS,
  type TlsVersion,
  type TlsVersions,
} from "../../model/gateway.ts";
import { isHttp, isTls, type Protocol } from "../../model/protocol.ts";
import type { Reporter } from "../reporter.ts";
import { CURVES } from "./curves.ts";
import * as diagnostics from "./gateway-diagnostics.ts";
import type { ServerTlsSpec } from "./gateway-schema.ts";
import * as handshake from "./gateway-tls-diagnostics.ts";
import * as refusals from "./refusals.ts";
import { checkRootsNames } from "./roots-names.ts";

type Mode = NonNullable<ServerTlsSpec["mode"]>;

/** What says which certificate, of which one at most may be there. */
const CERTIFICATES = ["credentialName", "credentialNames", "serverCertificate", "tlsCertificates"] as const;

const CERTIFICATE_FIELDS = [...CERTIFICATES, "privateKey", "caCertificates", "caCertCredentialName"] as const;

/** BoringSSL's, as Istio lets them through (pkg/config/security: ValidCipherSuites). */
const CIPHER_SUITES: ReadonlySet<string> = new Set([
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
]);

/** Undefined: plaintext. A mode that is not written is PASSTHROUGH, proto3's zero. */
export function readServerTls(
  spec: ServerTlsSpec | undefined,
  protocol: Protocol,
  path: string,
  reporter: Reporter,
): GatewayTls | undefined {
  if (isHttp(protocol)) {
    if (spec && !isRedirectAlone(spec)) reporter.report(path, diagnostics.tlsInPlaintext(protocol.toUpperCase()));
    return undefined;
  }
  if (!spec) {
    if (isTls(protocol)) reporter.report(path, diagnostics.tlsMissing(protocol.toUpperCase()));
    return undefined;
  }
  if (!isTls(protocol)) {
    reporter.report(path, refusals.tlsOfBytes(protocol.toUpperCase()));
    return undefined;
  }
  const { mode = "PASSTHROUGH" } = spec;
  checkRevocation(spec, mode, path, reporter);
  if (mode === "PASSTHROUGH" || mode === "AUTO_PASSTHROUGH") {
    for (const field of CERTIFICATE_FIELDS)
      if (spec[field] !== undefined) reporter.report(`${path}.${field}`, handshake.ignoredInThisMode(field, mode));
    warnOfProtocols(spec, mode, path, reporter);
    return { kind: mode === "PASSTHROUGH" ? "passthrough" : "auto-passthrough" };
  }
  checkRootsNames(spec, path, reporter);
  return {
    kind: "terminate",
    certificates: readCertificates(spec, mode, path, reporter),
    clients: readClients(spec, mode, path, reporter),
    parameters: readParameters(spec, path, reporter),
    ...readProtocols(spec, mode, path, reporter),
  };
}

function checkRevocation({ caCrl, credentialName }: ServerTlsSpec, mode: Mode, path: string, reporter: Reporter): void {
  if (caCrl === undefined) return;
  if (credentialName !== undefined) reporter.report(`${path}.caCrl`, refusals.revocationList("of a credential"));
  if (mode === "SIMPLE") reporter.report(`${path}.caCrl`, refusals.revocationList("of SIMPLE"));
}

/** A protocol's name on the wire has one byte for its length (RFC 7301 3.1). */
const ALPN_BYTES = 255;

/** ISTIO_MUTUAL keeps the mesh's protocols, by which sidecars tell each other from other clients. */
function readProtocols(
  spec: ServerTlsSpec,
  mode: Mode,
  path: string,
  reporter: Reporter,
): Pick<GatewayTls & { readonly kind: "terminate" }, "alpn"> {
  const protocols = spec.alpnProtocols ?? [];
  if (protocols.length === 0) return {};
  if (mode === "ISTIO_MUTUAL") {
    warnOfProtocols(spec, mode, path, reporter);
    return {};
  }
  for (const [i, protocol] of protocols.entries())
    if (!isProtocolName(protocol)) reporter.report(`${path}.alpnProtocols[${i}]`, handshake.badAlpnProtocol(protocol));
  return { alpn: [...new Set(protocols)] };
}

function isProtocolName(protocol: string): boolean {
  return protocol.length <= ALPN_BYTES && /^[\x21-\x7e]+$/.test(protocol);
}

function warnOfProtocols(spec: ServerTlsSpec, mode: Mode, path: string, reporter: Reporter): void {
  if (spec.alpnProtocols?.length) reporter.report(`${path}.alpnProtocols`, handshake.alpnWithoutEffect(mode));
}

function isRedirectAlone({ httpsRedirect, ...rest }: ServerTlsSpec): boolean {
  return httpsRedirect !== undefined && Object.keys(rest).length === 0;
}

function refuseCertificates(spec: ServerTlsSpec, mode: Mode, path: string, reporter: Reporter): void {
  for (const field of CERTIFICATE_FIELDS)
    if (spec[field] !== undefined) reporter.report(`${path}.${field}`, diagnostics.notOfThisMode(field, mode));
}

function readCertificates(spec: ServerTlsSpec, mode: Mode, path: string, reporter: Reporter): CertificateSource {
  if (mode === "ISTIO_MUTUAL") {
    refuseCertificates(spec, mode, path, reporter);
    return { kind: "mesh" };
  }
  const { credentialName, credentialNames = [], serverCertificate, privateKey, tlsCertificates = [] } = spec;
  const given = CERTIFICATES.filter((field) => spec[field] !== undefined);
  if (given.length > 1) reporter.report(`${path}.${given[1]}`, diagnostics.sameCertificateTwice(given));
  const names = credentialName === undefined ? credentialNames : [credentialName];
  if (names.length > 0) return { kind: "credentials", names };
  const own = serverCertificate !== undefined && privateKey !== undefined;
  const pairs = [
    ...(own ? [{ chain: serverCertificate, key: privateKey }] : []),
    ...tlsCertificates.map((pair) => ({ chain: pair.serverCertificate, key: pair.privateKey })),
  ];
  if (pairs.length === 0) reporter.report(path, diagnostics.certificateMissing(mode));
  return { kind: "files", pairs };
}

function readClients(spec: ServerTlsSpec, mode: Mode, path: string, reporter: Reporter): ClientVerification {
  const unverified = spec.insecureSkipVerify === true;
  if (unverified && mode !== "OPTIONAL_MUTUAL")
    reporter.report(`${path}.insecureSkipVerify`, handshake.alwaysVerified(mode));
  if (mode === "SIMPLE") return { kind: "none" };
  const roots = rootsOf(spec, mode);
  if (!roots) reporter.report(path, diagnostics.rootsMissing(mode));
  return {
    kind: mode === "OPTIONAL_MUTUAL" ? "optional" : "required",
    roots: roots ?? { kind: "mesh" },
    ...(unverified && mode === "OPTIONAL_MUTUAL" ? { acceptsUntrusted: true } : {}),
    subjectAltNames: spec.subjectAltNames ?? [],
    certificateHashes: spec.verifyCertificateHash ?? [],
    publicKeyHashes: spec.verifyCertificateSpki ?? [],
  };
}

function rootsOf(spec: ServerTlsSpec, mode: Mode): RootsSource | undefined {
  const { caCertCredentialName, credentialName, credentialNames = [], caCertificates, caCrl } = spec;
  if (mode === "ISTIO_MUTUAL") return { kind: "mesh" };
  const name = caCertCredentialName ?? credentialName ?? credentialNames[0];
  if (name !== undefined) return { kind: "credential", name };
  return caCertificates === undefined ? undefined : { kind: "file", path: caCertificates, revoked: caCrl };
}

function readParameters(spec: ServerTlsSpec, path: string, reporter: Reporter): TlsVersions {
  const min = versionOf(spec.minProtocolVersion);
  const max = versionOf(spec.maxProtocolVersion);
  if (min && max && TLS_VERSIONS.indexOf(min) > TLS_VERSIONS.indexOf(max))
    reporter.report(`${path}.maxProtocolVersion`, diagnostics.versionsCrossed(min, max));
  if ((min === "TLSV1_0" || min === "TLSV1_1") && !spec.cipherSuites?.length)
    reporter.report(`${path}.minProtocolVersion`, refusals.oldVersionWithoutCiphers(min));
  const cipherSuites = readCipherSuites(spec.cipherSuites, `${path}.cipherSuites`, reporter);
  return { min, max, cipherSuites, ...readCurves(spec, path, reporter) };
}

function readCurves({ ecdhCurves = [] }: ServerTlsSpec, path: string, reporter: Reporter): Pick<TlsVersions, "curves"> {
  for (const [i, curve] of ecdhCurves.entries())
    if (!CURVES.has(curve)) reporter.report(`${path}.ecdhCurves[${i}]`, handshake.unknownCurve(curve));
  const known = ecdhCurves.filter((curve) => CURVES.has(curve));
  return known.length === 0 ? {} : { curves: [...new Set(known)] };
}

/** Those that a proxy knows, each once. */
export function readCipherSuites(
  suites: readonly string[] | undefined,
  path: string,
  reporter: Reporter,
): readonly string[] {
  for (const [i, suite] of (suites ?? []).entries())
    if (!CIPHER_SUITES.has(suite)) reporter.report(`${path}[${i}]`, diagnostics.unknownCipherSuite(suite));
    else if (suites!.indexOf(suite) < i) reporter.report(`${path}[${i}]`, refusals.cipherSuiteTwice(suite));
  return [...new Set(suites?.filter((suite) => CIPHER_SUITES.has(suite)))];
}

function versionOf(version: ServerTlsSpec["minProtocolVersion"]): TlsVersion | undefined {
  return version === "TLS_AUTO" ? undefined : version;
}
