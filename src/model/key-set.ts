// Sets of keys (RFC 7517) as a proxy can take them: Envoy refuses a whole listener for one key that it cannot read.

import { createPublicKey, type JsonWebKeyInput } from "node:crypto";

/** No issuer has more; each is parsed for each listener that knows the issuer. */
const MAX_KEYS = 100;

function isUsable(key: unknown): boolean {
  if (typeof key !== "object" || key === null || !("kty" in key)) return false;
  if (key.kty === "oct") return "k" in key && typeof key.k === "string" && /^[\w-]+$/.test(key.k);
  try {
    createPublicKey({ key: key as JsonWebKeyInput["key"], format: "jwk" });
    return true;
  } catch {
    return false;
  }
}

/** The set without what is no key, in one form whoever wrote it; undefined when nothing is left. */
export function usableKeys(jwks: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(jwks);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("keys" in value) || !Array.isArray(value.keys)) return undefined;
  const keys = value.keys.slice(0, MAX_KEYS).filter(isUsable);
  return keys.length === 0 ? undefined : JSON.stringify({ keys });
}
