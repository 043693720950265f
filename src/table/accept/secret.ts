// Secrets: certificates with their keys, and roots. Those written inside a TLS context get a name by their content, so that the
// proxy holds every secret in one place.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Secret as Redacted } from "../../base/secret.ts";
import type { DataSource } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type {
  CertificateValidationContext,
  TlsCertificate,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import type { Secret } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { SPIFFECertValidatorConfigSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.ts";
import type { Scope } from "./scope.ts";

export interface CertificateSecret {
  readonly kind: "certificate";
  /** PEM, leaf first. */
  readonly chain: string;
  readonly key: Redacted;
}

export interface RootsSecret {
  readonly kind: "roots";
  /** PEM, one or more certificates. */
  readonly roots: string;
  /** Of `roots` those that vouch for a trust domain, by its name, in PEM; undefined: each for everybody. */
  readonly trustDomains?: ReadonlyMap<string, string> | undefined;
  /** PEM, one list of revoked certificates each; undefined: nobody is looked for. */
  readonly revoked?: readonly string[] | undefined;
}

export type SecretContent = CertificateSecret | RootsSecret;

/** Collects the secrets that stand in the resource itself. */
export class InlineSecrets {
  readonly secrets = new Map<string, SecretContent>();

  addCertificate(secret: CertificateSecret | undefined): string | undefined {
    return secret && this.#add(`inline-${digest(secret.chain)}`, secret);
  }

  addRoots(secret: RootsSecret | undefined): string | undefined {
    if (!secret) return undefined;
    const { roots, revoked = [], trustDomains = new Map<string, string>() } = secret;
    return this.#add(`inline-${digest([roots, ...revoked, ...[...trustDomains].flat()].join("\n"))}`, secret);
  }

  #add(name: string, secret: SecretContent): string {
    this.secrets.set(name, secret);
    return name;
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function readSource(scope: Scope, source: DataSource | undefined): string | undefined {
  const from = source?.specifier;
  switch (from?.case) {
    case "inlineString":
      return from.value;
    case "inlineBytes":
      return Buffer.from(from.value).toString("utf8");
    case "filename":
      try {
        return readFileSync(from.value, "utf8");
      } catch (thrown) {
        scope
          .field("filename")
          .reject(
            `cannot read ${JSON.stringify(from.value)}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
          );
        return undefined;
      }
    default:
      scope.reject("missing, or of a kind that Heddle's proxy does not read");
      return undefined;
  }
}

export function acceptCertificate(scope: Scope, certificate: TlsCertificate): CertificateSecret | undefined {
  scope.only(certificate, ["certificateChain", "privateKey"]);
  const chain = readSource(scope.field("certificate_chain"), certificate.certificateChain);
  const key = readSource(scope.field("private_key"), certificate.privateKey);
  if (chain === undefined || key === undefined) return undefined;
  if (!chain.includes("-----BEGIN CERTIFICATE-----")) scope.field("certificate_chain").reject("not PEM");
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(key)) scope.field("private_key").reject("not a PEM key");
  return { kind: "certificate", chain, key: new Redacted(key) };
}

export function acceptRoots(scope: Scope, context: CertificateValidationContext): RootsSecret | undefined {
  const roots = readSource(scope.field("trusted_ca"), context.trustedCa);
  if (roots !== undefined && !roots.includes("-----BEGIN CERTIFICATE-----"))
    scope.field("trusted_ca").reject("not PEM");
  if (roots === undefined) return undefined;
  return context.crl
    ? { kind: "roots", roots, revoked: acceptLists(scope.field("crl"), context.crl) }
    : { kind: "roots", roots };
}

/** OpenSSL below Bun reads one list of a text, Envoy all of them. None at all would mean that nobody is looked for. */
function acceptLists(scope: Scope, source: DataSource): readonly string[] {
  const text = readSource(scope, source);
  const lists = [...(text ?? "").matchAll(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g)].map(
    ([list]) => list,
  );
  if (text !== undefined && (lists.length === 0 || lists.length !== text.split("-----BEGIN X509 CRL-----").length - 1))
    scope.reject("not PEM");
  return lists;
}

/** SPIFFE bundles (envoy.tls.cert_validator.spiffe): a root vouches for identities of its own trust domain. */
export function acceptSpiffeRoots(scope: Scope, context: CertificateValidationContext): RootsSecret | undefined {
  const config = scope
    .field("typed_config")
    .unpack(context.customValidatorConfig?.typedConfig, SPIFFECertValidatorConfigSchema);
  if (!config) return undefined;
  const at = scope.field("typed_config").field("trust_domains");
  if (config.trustDomains.length === 0) at.reject("empty");
  const trustDomains = new Map<string, string>();
  config.trustDomains.forEach(({ name, trustBundle }, i) => {
    const roots = readSource(at.index(i).field("trust_bundle"), trustBundle);
    if (name === "") at.index(i).field("name").reject("empty");
    if (trustDomains.has(name))
      at.index(i)
        .field("name")
        .reject(`${JSON.stringify(name)} is there twice`);
    if (roots !== undefined && !roots.includes("-----BEGIN CERTIFICATE-----"))
      at.index(i).field("trust_bundle").reject("not PEM");
    if (roots !== undefined) trustDomains.set(name, roots);
  });
  return { kind: "roots", roots: [...new Set(trustDomains.values())].join("\n"), trustDomains };
}

export function acceptSecret(scope: Scope, secret: Secret): SecretContent | undefined {
  scope.only(secret, ["name", "type"]);
  const { type } = secret;
  switch (type.case) {
    case "tlsCertificate":
      return acceptCertificate(scope.field("tls_certificate"), type.value);
    case "validationContext": {
      const at = scope.field("validation_context");
      at.only(type.value, ["trustedCa", "crl", "customValidatorConfig"]);
      if (type.value.crl && type.value.customValidatorConfig)
        at.field("crl").reject("Heddle's proxy does not look for revoked certificates of SPIFFE bundles");
      return type.value.customValidatorConfig
        ? acceptSpiffeRoots(at.field("custom_validator_config"), type.value)
        : acceptRoots(at, type.value);
    }
    default:
      scope.reject(`${type.case ?? "an empty secret"} is not supported by Heddle's proxy`);
      return undefined;
  }
}
