// The server's end of TLS at a gateway: for clients from outside, with certificates that people bring.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { TlsVersion, TlsVersions } from "../model/gateway.ts";
import { packAny } from "../xds/any.ts";
import { type TransportSocket, TransportSocketSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type CertificateValidationContextSchema,
  TlsParameters_TlsProtocol,
  type TlsParametersSchema,
} from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { discoveredSecret } from "./credential-secrets.ts";
import type { CertificatePlan, ServerSocketPlan, VerificationPlan } from "./gateway-credentials.ts";
import { meshRoots, workloadCertificate } from "./secret.ts";
import { exactName } from "./tls.ts";

type Common = MessageInitShape<typeof CommonTlsContextSchema> & object;

const PROTOCOLS: Readonly<Record<TlsVersion, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/** TLS 1.2 unless it is said, as Istio. */
function parameters({ min = "TLSV1_2", max, cipherSuites }: TlsVersions): MessageInitShape<typeof TlsParametersSchema> {
  return {
    tlsMinimumProtocolVersion: PROTOCOLS[min],
    ...(max ? { tlsMaximumProtocolVersion: PROTOCOLS[max] } : {}),
    cipherSuites: [...cipherSuites],
  };
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
  const { roots, subjectAltNames, certificateHashes, publicKeyHashes } = plan;
  const checks: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchTypedSubjectAltNames: subjectAltNames.map(exactName),
    verifyCertificateHash: certificateHashes.map(hexadecimal),
    verifyCertificateSpki: [...publicKeyHashes],
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

/** `http`: requests come out of it, else bytes. */
export function gatewaySocket(plan: ServerSocketPlan, http: boolean): TransportSocket {
  const { clients } = plan;
  const context = create(DownstreamTlsContextSchema, {
    requireClientCertificate: clients.kind === "required",
    commonTlsContext: {
      alpnProtocols: http ? ["h2", "http/1.1"] : [],
      tlsParams: parameters(plan.parameters),
      ...certificates(plan.certificates),
      ...(clients.kind === "none" ? {} : validation(clients)),
    },
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: packAny(DownstreamTlsContextSchema, context) },
  });
}
