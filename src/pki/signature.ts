// Signing and verifying of DER structures: the algorithm identifiers of RFC 5758 and RFC 4055 on node:crypto.
import { type KeyObject, sign, verify } from "node:crypto";
import { DerReader, TAG } from "./der-reader.ts";
import { element, oid, sequence } from "./der-writer.ts";
import { MalformedError } from "./parsed.ts";

interface SignatureAlgorithm {
  readonly oid: string;
  readonly keyType: "ec" | "rsa";
  readonly hash: "sha256" | "sha384" | "sha512";
}

/** SHA-1 and MD5 are absent on purpose, RSASSA-PSS because no certificate authority of a mesh makes it. */
const ALGORITHMS: readonly SignatureAlgorithm[] = [
  { oid: "1.2.840.10045.4.3.2", keyType: "ec", hash: "sha256" },
  { oid: "1.2.840.10045.4.3.3", keyType: "ec", hash: "sha384" },
  { oid: "1.2.840.10045.4.3.4", keyType: "ec", hash: "sha512" },
  { oid: "1.2.840.113549.1.1.11", keyType: "rsa", hash: "sha256" },
  { oid: "1.2.840.113549.1.1.12", keyType: "rsa", hash: "sha384" },
  { oid: "1.2.840.113549.1.1.13", keyType: "rsa", hash: "sha512" },
];

/** A signed structure taken apart: what is covered (whole element), the DER AlgorithmIdentifier, the signature. */
export interface SignedParts {
  readonly body: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** Reads `SEQUENCE { body, AlgorithmIdentifier, BIT STRING }` and nothing behind it. */
export function readSigned(der: Uint8Array): SignedParts {
  const outer = new DerReader(der);
  const signed = outer.enter(TAG.sequence);
  outer.expectEnd();
  const parts = {
    body: signed.whole(TAG.sequence),
    algorithm: signed.whole(TAG.sequence),
    signature: signed.bitString(),
  };
  signed.expectEnd();
  return parts;
}

/** Whether the key made the signature. Throws a MalformedError for an algorithm that is unknown or not the key's. */
export function verifySigned(parts: SignedParts, key: KeyObject): boolean {
  const reader = new DerReader(parts.algorithm).enter(TAG.sequence);
  const name = reader.oid();
  const algorithm = ALGORITHMS.find((known) => known.oid === name);
  if (algorithm === undefined) throw new MalformedError(`signature algorithm ${name} is not supported`);
  if (algorithm.keyType !== key.asymmetricKeyType)
    throw new MalformedError(`signature algorithm ${name} does not fit the signer's key`);
  return verify(algorithm.hash, parts.body, key, parts.signature);
}

/** The DER AlgorithmIdentifier that `signBody` uses for this key; a certificate repeats it inside of what is signed. */
export function signatureAlgorithm(key: KeyObject): Uint8Array {
  const { oid: name, keyType } = algorithmOf(key);
  // RFC 5758 3.2: no parameters for ECDSA; RFC 4055 5: NULL for RSA.
  return keyType === "ec" ? sequence(oid(name)) : sequence(oid(name), element(0x05));
}

/** The signature of `body` by a private key. */
export function signBody(body: Uint8Array, key: KeyObject): Uint8Array {
  return sign(algorithmOf(key).hash, body, key);
}

/** SHA-384 for P-384, so that the hash is not the weaker part; SHA-256 for everything else. */
function algorithmOf(key: KeyObject): SignatureAlgorithm {
  const hash = key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256";
  const found = ALGORITHMS.find((known) => known.keyType === key.asymmetricKeyType && known.hash === hash);
  if (found === undefined) throw new RangeError(`no signature algorithm for a key of type ${key.asymmetricKeyType}`);
  return found;
}
