// What a proxy is given of its namespace's credentials, by SDS on the stream of everything else: what something of its configuration names,
// and no other.

import { create } from "@bufbuild/protobuf";
import { CONFIG_MAP_NAME, type Credential } from "../model/credential.ts";
import { credentialOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { ApiVersion } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
  SecretSchema,
} from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { encodeResource, type Resource } from "../xds/resource.ts";
import type { Memo } from "./memo.ts";
import { type Compiled, wholeObject } from "./provenance.ts";

/** Istio's names: of SDS resources, and the suffix of a Secret with nothing but roots. */
const PREFIX = "kubernetes://";
const ROOTS_SUFFIX = "-cacert";

/** Served by the control plane on the same stream as everything else. */
export function discoveredSecret(name: string): SdsSecretConfig {
  return create(SdsSecretConfigSchema, {
    name,
    sdsConfig: { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: "ads", value: {} } },
  });
}

/** Finds credentials by their Secrets' names, and keeps what is to be served. */
export class CredentialSecrets {
  readonly #mesh: Mesh;
  readonly #namespace: string;
  readonly #used = new Map<string, { readonly credential: Credential; readonly part: "keyPair" | "roots" }>();

  /** `namespace` is the workload's: Secrets of others are not its. */
  constructor(mesh: Mesh, namespace: string) {
    this.#mesh = mesh;
    this.#namespace = namespace;
  }

  #find(name: string): Credential | undefined {
    return credentialOf(this.#mesh, this.#namespace, name);
  }

  /** Name of the resource with certificate and key; undefined: there is none. */
  certificate(name: string): string | undefined {
    const credential = this.#find(name);
    if (!credential?.keyPair) return undefined;
    this.#used.set(`${PREFIX}${name}`, { credential, part: "keyPair" });
    return `${PREFIX}${name}`;
  }

  /** Name of the resource with roots, which stand in a Secret of their own or beside the certificate; undefined: there are none. */
  roots(wanted: string): string | undefined {
    if (wanted.startsWith(CONFIG_MAP_NAME)) return this.#publicRoots(wanted);
    const base = wanted.endsWith(ROOTS_SUFFIX) ? wanted.slice(0, -ROOTS_SUFFIX.length) : wanted;
    const apart = this.#find(`${base}${ROOTS_SUFFIX}`);
    const credential = apart?.roots === undefined ? this.#find(base) : apart;
    if (credential?.roots === undefined) return undefined;
    const name = `${PREFIX}${base}${ROOTS_SUFFIX}`;
    this.#used.set(name, { credential, part: "roots" });
    return name;
  }

  #publicRoots(name: string): string | undefined {
    const credential = this.#find(name);
    if (credential) this.#used.set(name, { credential, part: "roots" });
    return credential && name;
  }

  /** The secrets that were found, and no others. */
  resources(memo: Memo): readonly Compiled[] {
    return [...this.#used].map(([name, { credential, part }]) =>
      memo.get(`sds/${this.#namespace}/${name}`, [credential.digest, part], () => ({
        resource: part === "roots" ? rootsSecret(name, credential) : certificateSecret(name, credential),
        sources: [wholeObject(credential.origin)],
      })),
    );
  }
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
