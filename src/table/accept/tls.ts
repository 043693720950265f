// Transport sockets: raw buffers and TLS contexts, and the secrets they name.

import type { Any } from "@bufbuild/protobuf/wkt";
import type { TransportSocket } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  ProxyProtocolConfig_Version,
  ProxyProtocolPassThroughTLVs_PassTLVsMatchType,
} from "../../xds/gen/envoy/config/core/v3/proxy_protocol_pb.ts";
import { InternalUpstreamTransportSchema } from "../../xds/gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.ts";
import { ProxyProtocolUpstreamTransportSchema } from "../../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts";
import { RawBufferSchema } from "../../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts";
import {
  type CertificateValidationContext,
  type SubjectAltNameMatcher,
  SubjectAltNameMatcher_SanType,
  type TlsCertificate,
  type TlsParameters,
  TlsParameters_TlsProtocol,
  CertificateValidationContext_TrustChainVerification as TrustChain,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import type { SdsSecretConfig } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import {
  type CommonTlsContext,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import type { DownstreamTls, SubjectName, TlsSettings, UpstreamSocket } from "../transport-socket.ts";
import { acceptString } from "./match.ts";
import { isA, type Scope } from "./scope.ts";
import { acceptCertificate, acceptRoots, acceptSpiffeRoots, type InlineSecrets } from "./secret.ts";

type Parameters = Pick<TlsSettings, "minVersion" | "maxVersion" | "ciphers" | "curves">;

/** Envoy's default on both sides is TLS 1.2. */
const NO_PARAMETERS: Parameters = {
  minVersion: "TLSv1.2",
  maxVersion: undefined,
  ciphers: undefined,
  curves: undefined,
};

/** BoringSSL's (ssl_key_share.cc), without those that it keeps for tests. */
const CURVES: ReadonlySet<string> = new Set(["P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"]);

const VERSIONS: ReadonlyMap<TlsParameters_TlsProtocol, Parameters["maxVersion"]> = new Map([
  [TlsParameters_TlsProtocol.TLS_AUTO, undefined],
  [TlsParameters_TlsProtocol.TLSv1_2, "TLSv1.2"],
  [TlsParameters_TlsProtocol.TLSv1_3, "TLSv1.3"],
]);

function acceptParameters(scope: Scope, parameters: TlsParameters | undefined): Parameters {
  if (!parameters) return NO_PARAMETERS;
  // BoringSSL below Bun offers TLS 1.2 and 1.3; anything else would be ignored.
  scope.only(parameters, ["tlsMinimumProtocolVersion", "tlsMaximumProtocolVersion", "cipherSuites", "ecdhCurves"]);
  const { tlsMinimumProtocolVersion: min, tlsMaximumProtocolVersion: max, cipherSuites, ecdhCurves } = parameters;
  if (!VERSIONS.has(max)) scope.field("tls_maximum_protocol_version").reject("below TLS 1.2");
  if (!VERSIONS.has(min)) scope.field("tls_minimum_protocol_version").reject("below TLS 1.2");
  for (const [i, suite] of cipherSuites.entries())
    if (!/^[A-Z0-9-]+$/.test(suite)) scope.field("cipher_suites").index(i).reject("not one cipher suite");
  for (const [i, curve] of ecdhCurves.entries())
    if (!CURVES.has(curve))
      scope
        .field("ecdh_curves")
        .index(i)
        .reject(`not one of ${[...CURVES].join(", ")}`);
  return {
    minVersion: VERSIONS.get(min) ?? "TLSv1.2",
    maxVersion: VERSIONS.get(max),
    ciphers: cipherSuites.length === 0 ? undefined : cipherSuites.join(":"),
    curves: ecdhCurves.length === 0 ? undefined : ecdhCurves.join(":"),
  };
}

function acceptNames(scope: Scope, matchers: readonly SubjectAltNameMatcher[]): SubjectName[] {
  return matchers.map((matcher, i) => {
    const at = scope.index(i);
    at.only(matcher, ["sanType", "matcher"]);
    const known: readonly number[] = [SubjectAltNameMatcher_SanType.URI, SubjectAltNameMatcher_SanType.DNS];
    if (!known.includes(matcher.sanType)) at.field("san_type").reject("only URI and DNS are supported");
    const type = matcher.sanType === SubjectAltNameMatcher_SanType.DNS ? "dns" : "uri";
    return { type, match: acceptString(at.field("matcher"), matcher.matcher) };
  });
}

type Validation = Pick<
  TlsSettings,
  "roots" | "acceptsUntrusted" | "subjectAltNames" | "certificateHashes" | "publicKeyHashes"
>;

const NO_VALIDATION: Validation = {
  roots: undefined,
  acceptsUntrusted: false,
  subjectAltNames: [],
  certificateHashes: [],
  publicKeyHashes: [],
};

/** SHA-256 in hexadecimal, with or without colons (Envoy takes both). */
function acceptHashes(scope: Scope, hashes: readonly string[]): readonly string[] {
  return hashes.map((hash, i) => {
    const digits = hash.replaceAll(":", "").toLowerCase();
    if (!/^[0-9a-f]{64}$/.test(digits)) scope.index(i).reject("not a SHA-256 in hexadecimal");
    return digits;
  });
}

function acceptValidation(
  scope: Scope,
  context: CertificateValidationContext,
  roots: string | undefined,
  inline: InlineSecrets,
): Validation {
  scope.only(context, [
    "trustedCa",
    "crl",
    "customValidatorConfig",
    "matchTypedSubjectAltNames",
    "verifyCertificateHash",
    "verifyCertificateSpki",
    "trustChainVerification",
  ]);
  // Beside roots that come by SDS it would have to be laid over them; there it stands in the secret.
  if (context.crl && (!context.trustedCa || roots !== undefined))
    scope.field("crl").reject("only beside a trusted_ca in the same place");
  const spiffe = context.customValidatorConfig
    ? inline.addRoots(acceptSpiffeRoots(scope.field("custom_validator_config"), context))
    : undefined;
  if (spiffe !== undefined && (roots !== undefined || context.crl))
    scope.field("custom_validator_config").reject("not beside roots by SDS, nor a crl");
  const own = spiffe ?? (context.trustedCa ? inline.addRoots(acceptRoots(scope, context)) : undefined);
  return {
    roots: roots ?? own,
    acceptsUntrusted: context.trustChainVerification === TrustChain.ACCEPT_UNTRUSTED,
    subjectAltNames: acceptNames(scope.field("match_typed_subject_alt_names"), context.matchTypedSubjectAltNames),
    certificateHashes: acceptHashes(scope.field("verify_certificate_hash"), context.verifyCertificateHash),
    publicKeyHashes: context.verifyCertificateSpki,
  };
}

/** Asked for where everything else comes from, and not beside the proxy. */
function isDiscovered(config: SdsSecretConfig): boolean {
  return config.sdsConfig?.configSourceSpecifier.case === "ads";
}

function discoveredNames({
  tlsCertificateSdsSecretConfigs,
  validationContextType: validation,
}: CommonTlsContext): string[] {
  const roots =
    validation.case === "combinedValidationContext"
      ? validation.value.validationContextSdsSecretConfig
      : validation.case === "validationContextSdsSecretConfig"
        ? validation.value
        : undefined;
  return [...tlsCertificateSdsSecretConfigs, ...(roots ? [roots] : [])].filter(isDiscovered).map(({ name }) => name);
}

function secretName(scope: Scope, config: SdsSecretConfig): string {
  if (config.name === "") scope.field("name").reject("empty");
  return config.name;
}

function acceptCommon(scope: Scope, common: CommonTlsContext | undefined, inline: InlineSecrets): TlsSettings {
  if (!common) return { ...NO_VALIDATION, certificate: undefined, ...NO_PARAMETERS, alpn: [], discovered: [] };
  scope.only(common, [
    "tlsParams",
    "tlsCertificates",
    "tlsCertificateSdsSecretConfigs",
    "validationContextType",
    "alpnProtocols",
  ]);
  const parameters = acceptParameters(scope.field("tls_params"), common.tlsParams);
  const certificates = common.tlsCertificates.length + common.tlsCertificateSdsSecretConfigs.length;
  if (certificates > 1)
    scope.field("tls_certificates").reject(`${certificates} certificates: Heddle's proxy presents one`);
  const [sds] = common.tlsCertificateSdsSecretConfigs;
  const [own] = common.tlsCertificates;
  const certificate = sds
    ? secretName(scope.field("tls_certificate_sds_secret_configs").index(0), sds)
    : own && inlineCertificate(scope.field("tls_certificates").index(0), own, inline);
  return {
    certificate,
    ...acceptValidationType(scope, common, inline),
    alpn: common.alpnProtocols,
    ...parameters,
    discovered: discoveredNames(common),
  };
}

function inlineCertificate(scope: Scope, certificate: TlsCertificate, inline: InlineSecrets): string | undefined {
  return inline.addCertificate(acceptCertificate(scope, certificate));
}

function acceptValidationType(scope: Scope, common: CommonTlsContext, inline: InlineSecrets): Validation {
  const { validationContextType: validation } = common;
  switch (validation.case) {
    case undefined:
      return NO_VALIDATION;
    case "validationContext":
      return acceptValidation(scope.field("validation_context"), validation.value, undefined, inline);
    case "validationContextSdsSecretConfig":
      return {
        ...NO_VALIDATION,
        roots: secretName(scope.field("validation_context_sds_secret_config"), validation.value),
      };
    case "combinedValidationContext": {
      const at = scope.field("combined_validation_context");
      at.only(validation.value, ["defaultValidationContext", "validationContextSdsSecretConfig"]);
      const sds = validation.value.validationContextSdsSecretConfig;
      const roots = sds && secretName(at.field("validation_context_sds_secret_config"), sds);
      const context = validation.value.defaultValidationContext;
      return context
        ? acceptValidation(at.field("default_validation_context"), context, roots, inline)
        : { ...NO_VALIDATION, roots };
    }
    default:
      scope.reject(`${validation.case} is not supported by Heddle's proxy`);
      return NO_VALIDATION;
  }
}

/** What it passes through is the endpoint's address here, which every connection to an internal listener has. */
function acceptInternal(scope: Scope, any: Any, inline: InlineSecrets): UpstreamSocket {
  const transport = scope.unpack(any, InternalUpstreamTransportSchema);
  if (!transport) return { kind: "raw" };
  scope.only(transport, ["passthroughMetadata", "transportSocket"]);
  return acceptUpstreamSocket(scope.field("transport_socket"), transport.transportSocket, inline);
}

function acceptProxyProtocol(scope: Scope, any: Any, inline: InlineSecrets): UpstreamSocket {
  const transport = scope.unpack(any, ProxyProtocolUpstreamTransportSchema);
  if (!transport) return { kind: "raw" };
  scope.only(transport, ["config", "transportSocket"]);
  const { config } = transport;
  if (config) scope.field("config").only(config, ["version", "passThroughTlvs"]);
  const pass = config?.passThroughTlvs;
  const all = pass?.matchType === ProxyProtocolPassThroughTLVs_PassTLVsMatchType.INCLUDE_ALL;
  const inner = acceptUpstreamSocket(scope.field("transport_socket"), transport.transportSocket, inline);
  if (inner.proxyProtocol) scope.field("transport_socket").reject("a PROXY header inside of a PROXY header");
  const version = config?.version === ProxyProtocolConfig_Version.V2 ? "v2" : "v1";
  return { ...inner, proxyProtocol: { version, tlvs: all ? "all" : (pass?.tlvType ?? []) } };
}

export function acceptUpstreamSocket(
  scope: Scope,
  socket: TransportSocket | undefined,
  inline: InlineSecrets,
): UpstreamSocket {
  const any = socket?.configType.value;
  if (any === undefined || isA(any, RawBufferSchema)) return { kind: "raw" };
  const at = scope.field("typed_config");
  if (isA(any, InternalUpstreamTransportSchema)) return acceptInternal(at, any, inline);
  if (isA(any, ProxyProtocolUpstreamTransportSchema)) return acceptProxyProtocol(at, any, inline);
  const context = at.unpack(any, UpstreamTlsContextSchema);
  if (!context) return { kind: "raw" };
  at.only(context, ["commonTlsContext", "sni"]);
  const common = acceptCommon(at.field("common_tls_context"), context.commonTlsContext, inline);
  if (common.acceptsUntrusted)
    at.field("common_tls_context").reject("trust_chain_verification: only of clients; leave the roots out");
  return { kind: "tls", sni: context.sni, ...common };
}

export function acceptDownstreamTls(
  scope: Scope,
  socket: TransportSocket | undefined,
  inline: InlineSecrets,
): DownstreamTls | undefined {
  const any = socket?.configType.value;
  if (any === undefined || isA(any, RawBufferSchema)) return undefined;
  const at = scope.field("typed_config");
  const context = at.unpack(any, DownstreamTlsContextSchema);
  if (!context) return undefined;
  at.only(context, [
    "commonTlsContext",
    "requireClientCertificate",
    "requireSni",
    "sessionTicketKeysType",
    "disableStatefulSessionResumption",
  ]);
  const ticketKeys = context.sessionTicketKeysType.case;
  if (ticketKeys !== undefined && ticketKeys !== "disableStatelessSessionResumption")
    at.reject(`${ticketKeys} is not supported by Heddle's proxy`);
  const settings = acceptCommon(at.field("common_tls_context"), context.commonTlsContext, inline);
  if (settings.certificate === undefined) at.reject("a server needs a certificate");
  if (settings.acceptsUntrusted && context.requireClientCertificate)
    at.field("require_client_certificate").reject("beside ACCEPT_UNTRUSTED nothing is required");
  return {
    ...settings,
    requireClientCertificate: context.requireClientCertificate ?? false,
    requireSni: context.requireSni ?? false,
  };
}
