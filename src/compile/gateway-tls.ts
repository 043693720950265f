// The server's end of TLS at a gateway: for clients from outside, with certificates that people bring.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { TlsVersion } from "../model/gateway.ts";
import type { MeshSettings } from "../model/settings.ts";
import { packAny } from "../xds/any.ts";
import { type TransportSocket, TransportSocketSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type CertificateValidationContextSchema,
  type TlsParametersSchema,
  CertificateValidationContext_TrustChainVerification as TrustChain,
} from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { discoveredSecret } from "./credential-secrets.ts";
import type { CertificatePlan, ServerSocketPlan, VerificationPlan } from "./gateway-credentials.ts";
import { meshRoots, workloadCertificate } from "./secret.ts";
import { exactName, TLS_PROTOCOLS } from "./tls.ts";

type Common = MessageInitShape<typeof CommonTlsContextSchema> & object;

export type TlsDefaults = Pick<MeshSettings, "meshTls" | "outsideTls">;

/** What the server leaves out is the mesh's: TLS 1.2 unless that is said, as Istio. */
function parameters(
  { certificates, parameters: { min, max, cipherSuites: own, curves: ownCurves } }: ServerSocketPlan,
  { meshTls, outsideTls }: TlsDefaults,
): MessageInitShape<typeof TlsParametersSchema> {
  const isMesh = certificates.kind === "mesh";
  const suites = own.length > 0 ? own : (isMesh ? meshTls : outsideTls).cipherSuites;
  // Istio refuses curves for the mesh's own TLS.
  const curves = ownCurves ?? (isMesh ? [] : outsideTls.curves);
  return {
    tlsMinimumProtocolVersion: TLS_PROTOCOLS[min ?? defaultMin((isMesh ? meshTls : outsideTls).min, max)],
    ...(max ? { tlsMaximumProtocolVersion: TLS_PROTOCOLS[max] } : {}),
    cipherSuites: [...suites],
    ecdhCurves: [...curves],
  };
}

/** A server that says what it speaks at most means no newer one by what it leaves out: Envoy refuses a range that is empty. */
function defaultMin(min: TlsVersion, max: TlsVersion | undefined): TlsVersion {
  return max === undefined || max > min ? min : max;
}

function file(filename: string) {
  return { specifier: { case: "filename", value: filename } } as const;
}

function certificates(plan: CertificatePlan): Pick<Common, "tlsCertificates" | "tlsCertificateSdsSecretConfigs"> {
  switch (plan.kind) {
    case "secrets":
      return { tlsCertificateSdsSecretConfigs: plan.names.map(discoveredSecret) };
    case "mesh":
      return { tlsCertificateSdsSecretConfigs: [workloadCertificate()] };
    case "files":
      return {
        tlsCertificates: plan.pairs.map(({ chain, key }) => ({ certificateChain: file(chain), privateKey: file(key) })),
      };
  }
}

function hexadecimal(hash: string): string {
  return hash.replaceAll(":", "").toLowerCase();
}

function validation(plan: VerificationPlan): Pick<Common, "validationContextType"> {
  const { roots, subjectAltNames, certificateHashes, publicKeyHashes, acceptsUntrusted } = plan;
  const checks: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchTypedSubjectAltNames: subjectAltNames.map(exactName),
    verifyCertificateHash: certificateHashes.map(hexadecimal),
    verifyCertificateSpki: [...publicKeyHashes],
    ...(acceptsUntrusted ? { trustChainVerification: TrustChain.ACCEPT_UNTRUSTED } : {}),
  };
  if (roots.kind === "file") {
    const revoked = roots.revoked === undefined ? {} : { crl: file(roots.revoked) };
    const value = { ...checks, trustedCa: file(roots.path), ...revoked };
    return { validationContextType: { case: "validationContext", value } };
  }
  const secret = roots.kind === "mesh" ? meshRoots() : discoveredSecret(roots.name);
  const value = { defaultValidationContext: checks, validationContextSdsSecretConfig: secret };
  return { validationContextType: { case: "combinedValidationContext", value } };
}

const REQUESTS = ["h2", "http/1.1"] as const;

/** `http`: requests come out of it, else bytes. */
export function gatewaySocket(plan: ServerSocketPlan, http: boolean, defaults: TlsDefaults): TransportSocket {
  const { clients } = plan;
  const context = create(DownstreamTlsContextSchema, {
    requireClientCertificate: clients.kind === "required",
    commonTlsContext: {
      alpnProtocols: [...(plan.alpn ?? (http ? REQUESTS : []))],
      tlsParams: parameters(plan, defaults),
      ...certificates(plan.certificates),
      ...(clients.kind === "none" ? {} : validation(clients)),
    },
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: packAny(DownstreamTlsContextSchema, context) },
  });
}
