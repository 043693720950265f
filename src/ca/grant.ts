// For which identities a join token is good: one, or a set that ends at a namespace's or a trust domain's border.
import { malformed, type Parsed, parsed } from "../pki/parsed.ts";
import { parseSpiffeId, type ServiceAccount, type SpiffeId, serviceAccountOf } from "../pki/spiffe.ts";

/**
 * As text, in a token's `sub`: `spiffe://cluster.local/ns/default/sa/golden-signal`, or with `*` for the service account or for both
 * namespace and service account. No SPIFFE id holds a `*`, so a set is never mistaken for an identity.
 */
export type Grant =
  | { readonly kind: "identity"; readonly id: SpiffeId }
  | { readonly kind: "namespace"; readonly trustDomain: string; readonly namespace: string }
  | { readonly kind: "trust-domain"; readonly trustDomain: string };

const SET = /^(spiffe:\/\/[^/]+)\/ns\/([^/]+)\/sa\/\*$/;

/** Reads a token's `sub`. A `*` in any other place is malformed, so that nobody believes in a pattern that does not exist. */
export function parseGrant(text: string): Parsed<Grant> {
  const set = SET.exec(text);
  const base = parseSpiffeId(set ? set[1]! : text);
  if (base.kind === "malformed") return base;
  const { trustDomain } = base.value;
  if (!set)
    return serviceAccountOf(base.value)
      ? parsed({ kind: "identity", id: base.value })
      : malformed("SPIFFE id is not /ns/<namespace>/sa/<service account>");
  const namespace = set[2]!;
  if (namespace === "*") return parsed({ kind: "trust-domain", trustDomain });
  return /^[a-z0-9-]+$/.test(namespace)
    ? parsed({ kind: "namespace", trustDomain, namespace })
    : malformed(`no namespace can be named ${JSON.stringify(namespace)}`);
}

/** The form that `parseGrant` reads. */
export function grantText(grant: Grant): string {
  switch (grant.kind) {
    case "identity":
      return grant.id.uri;
    case "namespace":
      return `spiffe://${grant.trustDomain}/ns/${grant.namespace}/sa/*`;
    case "trust-domain":
      return `spiffe://${grant.trustDomain}/ns/*/sa/*`;
  }
}

/** Sets hold service accounts only, whatever else a path could name. */
export function allows(grant: Grant, id: SpiffeId): boolean {
  if (grant.kind === "identity") return grant.id.uri === id.uri;
  const account: ServiceAccount | undefined = serviceAccountOf(id);
  if (account === undefined || id.trustDomain !== grant.trustDomain) return false;
  return grant.kind === "trust-domain" || grant.namespace === account.namespace;
}
