// What a gateway's TLS names, found or not. A server whose certificate or roots are not there is not left out: what it would have refused
// must not fall to another server of the port, so that its chain closes every connection.

import { create } from "@bufbuild/protobuf";
import type { Credential } from "../model/credential.ts";
import type {
  CertificateSource,
  ClientVerification,
  GatewayTls,
  RootsSource,
  TlsVersion,
  TlsVersions,
} from "../model/gateway.ts";
import { credentialOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { SecretSchema } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { encodeResource, type Resource } from "../xds/resource.ts";
import type { Memo } from "./memo.ts";
import { type Compiled, wholeObject } from "./provenance.ts";
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
}

export type VerificationPlan = Omit<Exclude<ClientVerification, { readonly kind: "none" }>, "roots"> & {
  readonly roots: RootsPlan;
};

export type Terminating = GatewayTls & { readonly kind: "terminate" };

/** Istio's names: of SDS resources, and the suffix of a Secret with nothing but roots. */
const PREFIX = "kubernetes://";
const ROOTS_SUFFIX = "-cacert";

/** Finds what one gateway's servers name, and keeps what of it is to be served. */
export class GatewayCredentials {
  readonly #mesh: Mesh;
  readonly #namespace: string;
  readonly #features: ProxyFeatures;
  readonly #used = new Map<string, { readonly credential: Credential; readonly part: "keyPair" | "roots" }>();

  /** `namespace` is the gateway workload's: Secrets of others are not its. */
  constructor(mesh: Mesh, namespace: string, features: ProxyFeatures) {
    this.#mesh = mesh;
    this.#namespace = namespace;
    this.#features = features;
  }

  /** Undefined: something of it is not there. */
  resolve({ certificates, clients, parameters: wanted }: Terminating): ServerSocketPlan | undefined {
    const own = this.#certificates(certificates);
    const parameters = this.#features.oldTls ? wanted : withoutOldTls(wanted);
    if (!own || !parameters) return undefined;
    if (clients.kind === "none") return { certificates: own, clients, parameters };
    const roots = this.#roots(clients.roots);
    return roots && { certificates: own, clients: { ...clients, roots }, parameters };
  }

  #find(name: string): Credential | undefined {
    return credentialOf(this.#mesh, this.#namespace, name);
  }

  #certificates(source: CertificateSource): CertificatePlan | undefined {
    if (source.kind !== "credentials") return source;
    const found = source.names.flatMap((name) => {
      const credential = this.#find(name);
      return credential?.keyPair ? [{ name: `${PREFIX}${name}`, credential }] : [];
    });
    if (found.length === 0) return undefined;
    const served = this.#features.manyCertificates ? found : found.slice(0, 1);
    for (const { name, credential } of served) this.#used.set(name, { credential, part: "keyPair" });
    return { kind: "secrets", names: served.map(({ name }) => name) };
  }

  #roots(source: RootsSource): RootsPlan | undefined {
    if (source.kind === "file" && source.revoked !== undefined && !this.#features.revocationLists) return undefined;
    if (source.kind !== "credential") return source;
    const base = source.name.endsWith(ROOTS_SUFFIX) ? source.name.slice(0, -ROOTS_SUFFIX.length) : source.name;
    const apart = this.#find(`${base}${ROOTS_SUFFIX}`);
    const credential = apart?.roots === undefined ? this.#find(base) : apart;
    if (credential?.roots === undefined) return undefined;
    // What says who is shut out must not be passed over.
    if (credential.revoked !== undefined && !this.#features.revocationLists) return undefined;
    const name = `${PREFIX}${base}${ROOTS_SUFFIX}`;
    this.#used.set(name, { credential, part: "roots" });
    return { kind: "secret", name };
  }

  /** The secrets that were resolved, and no others. */
  resources(memo: Memo): readonly Compiled[] {
    return [...this.#used].map(([name, { credential, part }]) =>
      memo.get(`sds/${this.#namespace}/${name}`, [credential.digest, part], () => ({
        resource: part === "roots" ? rootsSecret(name, credential) : certificateSecret(name, credential),
        sources: [wholeObject(credential.origin)],
      })),
    );
  }
}

/** Undefined: nothing is left that both would speak. */
function withoutOldTls({ min, max, cipherSuites }: TlsVersions): TlsVersions | undefined {
  const isOld = (version: TlsVersion | undefined) => version === "TLSV1_0" || version === "TLSV1_1";
  return isOld(max) ? undefined : { min: isOld(min) ? undefined : min, max, cipherSuites };
}

function pem(text: string) {
  return { specifier: { case: "inlineString" as const, value: text } };
}

function certificateSecret(name: string, { keyPair }: Credential): Resource {
  const value = keyPair && { certificateChain: pem(keyPair.chain), privateKey: pem(keyPair.key.reveal()) };
  return encodeResource(
    "sds",
    create(SecretSchema, { name, ...(value ? { type: { case: "tlsCertificate", value } } : {}) }),
  );
}

function rootsSecret(name: string, { roots = "", revoked }: Credential): Resource {
  const value = { trustedCa: pem(roots), ...(revoked === undefined ? {} : { crl: pem(revoked) }) };
  return encodeResource("sds", create(SecretSchema, { name, type: { case: "validationContext", value } }));
}
