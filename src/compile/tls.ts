// TLS contexts of the leg, of Istio-style mutual TLS on an application's port, and of TLS to servers outside the mesh.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ClientTls, OriginatedTls, ProxyProtocolVersion } from "../model/client-policy.ts";
import type { TlsVersion } from "../model/gateway.ts";
import type { MeshTls, OutsideTls } from "../model/settings.ts";
import { packAny } from "../xds/any.ts";
import { type TransportSocket, TransportSocketSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { ProxyProtocolConfig_Version } from "../xds/gen/envoy/config/core/v3/proxy_protocol_pb.ts";
import { ProxyProtocolUpstreamTransportSchema } from "../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts";
import { RawBufferSchema } from "../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts";
import {
  SubjectAltNameMatcher_SanType,
  type SubjectAltNameMatcherSchema,
  TlsParameters_TlsProtocol,
  type TlsParametersSchema,
} from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { discoveredSecret } from "./credential-secrets.ts";
import { BYTES_OFFER } from "./istio-alpn.ts";
import { lazy } from "./lazy.ts";
import { meshRoots, workloadCertificate } from "./secret.ts";

const TLS = "envoy.transport_sockets.tls";

/** Where Debian, Alpine and the container images of Envoy keep the operating system's roots. */
const SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt";

type Parameters = MessageInitShape<typeof TlsParametersSchema> & object;

/** Both ends of the leg are ours, so that nothing older has to be spoken. */
const LEG_VERSION: Parameters = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

/** Gateways and sidecars of Istio may ask for TLS 1.2. */
const ISTIO_VERSION: Parameters = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

export const TLS_PROTOCOLS: Readonly<Record<TlsVersion, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/** Resources that hold a certificate with its key, and roots. */
export interface SecretNames {
  readonly certificate: string | undefined;
  readonly roots: string | undefined;
}

type SanMatcher = MessageInitShape<typeof SubjectAltNameMatcherSchema>;

export function exactName(name: string): SanMatcher {
  const sanType = name.includes("://") ? SubjectAltNameMatcher_SanType.URI : SubjectAltNameMatcher_SanType.DNS;
  return { sanType, matcher: { matchPattern: { case: "exact", value: name } } };
}

function upstream(context: MessageInitShape<typeof UpstreamTlsContextSchema>): TransportSocket {
  const typedConfig = packAny(UpstreamTlsContextSchema, create(UpstreamTlsContextSchema, context));
  return create(TransportSocketSchema, { name: TLS, configType: { case: "typedConfig", value: typedConfig } });
}

function downstream(common: MessageInitShape<typeof CommonTlsContextSchema>): TransportSocket {
  const context = create(DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: {
      ...common,
      tlsCertificateSdsSecretConfigs: [workloadCertificate()],
      validationContextType: { case: "validationContextSdsSecretConfig", value: meshRoots() },
    },
  });
  const typedConfig = packAny(DownstreamTlsContextSchema, context);
  return create(TransportSocketSchema, { name: TLS, configType: { case: "typedConfig", value: typedConfig } });
}

export const plaintext = lazy(
  (): TransportSocket =>
    create(TransportSocketSchema, {
      name: "envoy.transport_sockets.raw_buffer",
      configType: { case: "typedConfig", value: packAny(RawBufferSchema, create(RawBufferSchema)) },
    }),
);

/**
 * The server's end of the leg, one for all chains of the mesh port: byte streams offer no ALPN and get none, or what they would offer to a
 * sidecar of Istio (`offersBytes`), so that the same context serves them, and Heddle's proxy can end TLS before it knows the chain.
 */
export const legServer = lazy(() =>
  downstream({ alpnProtocols: ["h2", "http/1.1", ...BYTES_OFFER], tlsParams: LEG_VERSION }),
);

/** Istio-style mutual TLS on the application's own port: sidecars of Istio speak TLS 1.2 as well. */
export function istioServer({ min, cipherSuites }: MeshTls): TransportSocket {
  return downstream({
    alpnProtocols: ["h2", "http/1.1"],
    tlsParams: { tlsMinimumProtocolVersion: TLS_PROTOCOLS[min], cipherSuites: [...cipherSuites] },
  });
}

/**
 * The client's end of the leg. `names` are the identities that the server may have; none accepts any of the mesh.
 * `alpn_protocols` stays empty: Envoy then offers the protocol of its connection pool, and nothing for byte streams.
 */
export function legClient(sni: string, names: readonly string[]): TransportSocket {
  return meshClient(sni, names, LEG_VERSION);
}

/** The client's end of mutual TLS with a gateway's server of mode ISTIO_MUTUAL. */
export function gatewayClient(sni: string, names: readonly string[]): TransportSocket {
  return meshClient(sni, names, ISTIO_VERSION);
}

/** The client's end of mutual TLS with a sidecar of Istio, which tells it from the application's own by what is offered. */
export function istioClient(sni: string, names: readonly string[], alpn: readonly string[]): TransportSocket {
  return meshClient(sni, names, ISTIO_VERSION, alpn);
}

function meshClient(
  sni: string,
  names: readonly string[],
  tlsParams: Parameters,
  alpn: readonly string[] = [],
): TransportSocket {
  const roots = meshRoots();
  return upstream({
    sni,
    commonTlsContext: {
      tlsParams,
      alpnProtocols: [...alpn],
      tlsCertificateSdsSecretConfigs: [workloadCertificate()],
      validationContextType:
        names.length === 0
          ? { case: "validationContextSdsSecretConfig", value: roots }
          : {
              case: "combinedValidationContext",
              value: {
                defaultValidationContext: { matchTypedSubjectAltNames: names.map(exactName) },
                validationContextSdsSecretConfig: roots,
              },
            },
    },
  });
}

/** Inside of it: what comes behind the header. */
export function withProxyHeader(inner: TransportSocket, version: ProxyProtocolVersion): TransportSocket {
  const config = create(ProxyProtocolUpstreamTransportSchema, {
    config: { version: version === "v2" ? ProxyProtocolConfig_Version.V2 : ProxyProtocolConfig_Version.V1 },
    transportSocket: inner,
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    configType: { case: "typedConfig", value: packAny(ProxyProtocolUpstreamTransportSchema, config) },
  });
}

type Originated = ClientTls & { readonly kind: "simple" };
type Common = MessageInitShape<typeof CommonTlsContextSchema> & object;

function file(filename: string) {
  return { specifier: { case: "filename", value: filename } } as const;
}

/** TLS to a server outside the mesh; with a certificate of one's own it is mutual. `found`: what Secrets have of it. */
export function externalClient(
  tls: Originated,
  found: SecretNames | undefined,
  defaults: OutsideTls | undefined,
): TransportSocket {
  const tlsParams = parametersOf(defaults);
  return upstream({
    sni: tls.sni ?? "",
    commonTlsContext: found ? fromSecrets(tls, found, tlsParams) : fromFiles(tls, tlsParams),
  });
}

/** What TLS without a server name takes of the request's host. Istio's (setAutoSniAndAutoSanValidation): who says the names has said them all. */
export function namesOfRequest(tls: OriginatedTls): { readonly serverName: true; readonly certificate: boolean } {
  return {
    serverName: true,
    certificate: tls.kind === "simple" && tls.subjectAltNames.length === 0 && !tls.skipVerify,
  };
}

function parametersOf(defaults: OutsideTls | undefined): Parameters | undefined {
  const { min = "TLSV1_2", cipherSuites = [], curves = [] } = defaults ?? {};
  const isNewer = min === "TLSV1_3";
  if (!isNewer && cipherSuites.length === 0 && curves.length === 0) return undefined;
  return {
    // A client of Envoy's ends at TLS 1.2 unless it is told to go on.
    ...(isNewer
      ? { tlsMinimumProtocolVersion: TLS_PROTOCOLS[min], tlsMaximumProtocolVersion: TLS_PROTOCOLS[min] }
      : {}),
    cipherSuites: [...cipherSuites],
    ecdhCurves: [...curves],
  };
}

function fromFiles(
  { certificate, caFile, revokedFile, skipVerify, subjectAltNames }: Originated,
  tlsParams: Parameters | undefined,
): Common {
  const trusted = {
    trustedCa: file(caFile ?? SYSTEM_ROOTS),
    ...(revokedFile === undefined ? {} : { crl: file(revokedFile) }),
    matchTypedSubjectAltNames: subjectAltNames.map(exactName),
  };
  return {
    ...(tlsParams ? { tlsParams } : {}),
    tlsCertificates: certificate
      ? [{ certificateChain: file(certificate.chainFile), privateKey: file(certificate.keyFile) }]
      : [],
    validationContextType: skipVerify ? { case: undefined } : { case: "validationContext", value: trusted },
  };
}

/** Its certificate may be a file all the same. */
function fromSecrets(
  { subjectAltNames, certificate: own }: Originated,
  { certificate, roots }: SecretNames,
  tlsParams: Parameters | undefined,
): Common {
  const defaultValidationContext = { matchTypedSubjectAltNames: subjectAltNames.map(exactName) };
  return {
    ...(tlsParams ? { tlsParams } : {}),
    tlsCertificateSdsSecretConfigs: certificate === undefined ? [] : [discoveredSecret(certificate)],
    tlsCertificates: own ? [{ certificateChain: file(own.chainFile), privateKey: file(own.keyFile) }] : [],
    validationContextType:
      roots === undefined
        ? { case: undefined }
        : {
            case: "combinedValidationContext",
            value: { defaultValidationContext, validationContextSdsSecretConfig: discoveredSecret(roots) },
          },
  };
}
