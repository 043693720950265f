// What the two sides of the leg prove with: one authority, one identity each.

import { chainPem, createRoot, issueLeaf, selfSignedAuthority } from "../../../src/ca/authority.ts";
import { bundlePem } from "../../../src/pki/bundle.ts";
import { exportPrivateKey, generateKeyPair } from "../../../src/pki/key.ts";
import { unwrap } from "../../../src/pki/parsed.ts";
import { serviceAccountId } from "../../../src/pki/spiffe.ts";

export interface Identity {
  readonly uri: string;
  readonly chain: string;
  readonly key: string;
}

const HOUR_MS = 3_600_000;
const TRUST_DOMAIN = "cluster.local";

const authority = selfSignedAuthority(createRoot(TRUST_DOMAIN, Date.now()), TRUST_DOMAIN);

/** PEM. */
export const ROOTS = bundlePem(authority.bundle);

export function identityOf(name: string, ttlMs = HOUR_MS, issuer = authority): Identity {
  const id = unwrap(serviceAccountId(TRUST_DOMAIN, { namespace: "default", name }));
  const key = generateKeyPair();
  const verdict = issueLeaf(issuer, { id, publicKeyInfo: key.publicKeyInfo, ttlMs }, Date.now());
  if (verdict.kind === "refused") throw new Error(verdict.reason);
  return { uri: id.uri, chain: chainPem(issuer, verdict.leaf).join(""), key: exportPrivateKey(key).reveal() };
}

export const CLIENT = identityOf("client");
export const SERVER = identityOf("server");
