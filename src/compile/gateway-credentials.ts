// What a gateway's TLS names, found or not. A server whose certificate or roots are not there is not left out: what it would have refused
// must not fall to another server of the port, so that its chain closes every connection.

import type {
  CertificateSource,
  ClientVerification,
  GatewayTls,
  RootsSource,
  TlsVersion,
  TlsVersions,
} from "../model/gateway.ts";
import type { CredentialSecrets } from "./credential-secrets.ts";
import type { ProxyFeatures } from "./proxy-features.ts";

/** Names of secrets that the control plane serves, files of the gateway, or what the agent serves. */
export type CertificatePlan =
  | { readonly kind: "secrets"; readonly names: readonly string[] }
  | Exclude<CertificateSource, { readonly kind: "credentials" }>;

export type RootsPlan =
  | { readonly kind: "secret"; readonly name: string }
  | Exclude<RootsSource, { readonly kind: "credential" }>;

/** Everything that a server's TLS context is made from. Plain data: the memo compares it. */
export interface ServerSocketPlan {
  readonly certificates: CertificatePlan;
  readonly clients: Extract<ClientVerification, { readonly kind: "none" }> | VerificationPlan;
  readonly parameters: TlsVersions;
  readonly alpn?: readonly string[] | undefined;
}

export type VerificationPlan = Omit<Exclude<ClientVerification, { readonly kind: "none" }>, "roots"> & {
  readonly roots: RootsPlan;
};

export type Terminating = GatewayTls & { readonly kind: "terminate" };

/** Finds what one gateway's servers name. */
export class GatewayCredentials {
  readonly #secrets: CredentialSecrets;
  readonly #features: ProxyFeatures;

  /** `secrets` are those of the gateway workload, and keep what of them is to be served. */
  constructor(secrets: CredentialSecrets, features: ProxyFeatures) {
    this.#secrets = secrets;
    this.#features = features;
  }

  /** Undefined: something of it is not there. */
  resolve({ certificates, clients, parameters: wanted, alpn }: Terminating): ServerSocketPlan | undefined {
    const own = this.#certificates(certificates);
    const parameters = this.#features.oldTls ? wanted : withoutOldTls(wanted);
    if (!own || !parameters) return undefined;
    if (clients.kind === "none") return { certificates: own, clients, parameters, alpn };
    const roots = this.#roots(clients.roots);
    return roots && { certificates: own, clients: { ...clients, roots }, parameters, alpn };
  }

  #certificates(source: CertificateSource): CertificatePlan | undefined {
    if (source.kind !== "credentials") return source;
    const served: string[] = [];
    for (const name of source.names) {
      const secret = this.#secrets.certificate(name);
      if (secret !== undefined) served.push(secret);
      if (served.length > 0 && !this.#features.manyCertificates) break;
    }
    return served.length === 0 ? undefined : { kind: "secrets", names: served };
  }

  #roots(source: RootsSource): RootsPlan | undefined {
    if (source.kind !== "credential") return source;
    const name = this.#secrets.roots(source.name);
    return name === undefined ? undefined : { kind: "secret", name };
  }
}

/** Undefined: nothing is left that both would speak. */
function withoutOldTls(versions: TlsVersions): TlsVersions | undefined {
  const isOld = (version: TlsVersion | undefined) => version === "TLSV1_0" || version === "TLSV1_1";
  const { min, max } = versions;
  return isOld(max) ? undefined : { ...versions, min: isOld(min) ? undefined : min };
}
