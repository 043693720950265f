// Secret → what gateways present and trust. Both forms that Istio reads: kubernetes.io/tls (`tls.crt`, `tls.key`, `ca.crt`, `ca.crl`), and its
// own generic one (`cert`, `key`, `cacert`, `crl`).

import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { Secret } from "../../base/secret.ts";
import type { Credential, KeyPair } from "../../model/credential.ts";
import { decodeObject } from "../decode.ts";
import { badPublicRoots } from "../istio/roots-diagnostics.ts";
import { isObject, type SourceObject } from "../object.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import { SCHEMAS, type SecretValue } from "./kinds.ts";

/** The first of the names that has a value, as text. */
type Field = (...names: readonly string[]) => string | undefined;

/** Undefined for a Secret that holds something else, or nothing that a proxy could use (reported). */
export function readCredential(object: SourceObject, reporter: Reporter): Credential | undefined {
  const secret = decodeObject(SCHEMAS.Secret, object, reporter);
  if (!secret || !mayBeTls(secret)) return undefined;
  const field = fieldsOf(secret);
  const chain = field("tls.crt", "cert");
  const key = field("tls.key", "key");
  const roots = field("ca.crt", "cacert");
  const revoked = field("ca.crl", "crl");
  const keyPair = chain !== undefined && key !== undefined ? readPair(chain, key, reporter) : undefined;
  const problem = roots === undefined ? undefined : rootsProblem(roots, revoked);
  if (problem !== undefined) reporter.report("metadata.name", diagnostics.badCredential(problem));
  const trusted = problem === undefined ? roots : undefined;
  if (!keyPair && trusted === undefined) return undefined;
  const digest = digestOf([chain, key, roots, revoked]);
  return { origin: object.origin, keyPair, roots: trusted, revoked, digest };
}

/** Of a ConfigMap, under the same keys (Istio's ExtractRootFromString); undefined for one that holds something else, or nothing of use (reported). */
export function readPublicRoots(object: SourceObject, reporter: Reporter): Credential | undefined {
  const { data } = object.value;
  if (!isObject(data)) return undefined;
  const text = (...names: readonly string[]) =>
    names.map((name) => data[name]).find((value): value is string => typeof value === "string" && value !== "");
  const roots = text("ca.crt", "cacert");
  if (roots === undefined) return undefined;
  const revoked = text("ca.crl", "crl");
  const problem = rootsProblem(roots, revoked);
  if (problem === undefined) return { origin: object.origin, roots, revoked, digest: digestOf([roots, revoked]) };
  reporter.report("metadata.name", badPublicRoots(problem));
  return undefined;
}

function digestOf(content: readonly (string | undefined)[]): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("base64url");
}

function rootsProblem(roots: string, revoked: string | undefined): string | undefined {
  if (!isList(revoked)) return "no list of revoked certificates";
  return isChain(roots) ? undefined : "no certificates of roots";
}

/** Passwords and tokens are nobody's business here, and are not looked at. */
function mayBeTls({ type = "Opaque" }: SecretValue): boolean {
  return type === "kubernetes.io/tls" || type === "Opaque" || type === "generic" || type === "istio.io/tls";
}

/** `stringData` is what somebody wrote into a file; an API server has made `data` of it. */
function fieldsOf({ data = {}, stringData = {} }: SecretValue): Field {
  return (...names) => {
    for (const name of names) {
      const written = stringData[name];
      if (written) return written;
      const encoded = data[name];
      if (encoded) return Buffer.from(encoded, "base64").toString("utf8");
    }
    return undefined;
  };
}

/** Both proxies refuse a key of another certificate; whoever wrote it is told before. By its name: a finding shows the line that it is about. */
function readPair(chain: string, key: string, reporter: Reporter): KeyPair | undefined {
  try {
    const leaf = new X509Certificate(chain);
    if (leaf.checkPrivateKey(createPrivateKey(key))) return { chain, key: new Secret(key) };
    reporter.report("metadata.name", diagnostics.badCredential("the key is of another certificate"));
  } catch {
    // OpenSSL's words may hold some of what it read.
    reporter.report("metadata.name", diagnostics.badCredential("certificate or key cannot be read"));
  }
  return undefined;
}

/** What says who is shut out must not be passed over: roots are of no use without it. */
function isList(pem: string | undefined): boolean {
  return pem === undefined || pem.includes("-----BEGIN X509 CRL-----");
}

function isChain(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
