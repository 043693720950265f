// Private keys: made where they are used, kept as node:crypto's KeyObject (which prints nothing), exported as Secret.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { Secret } from "../base/secret.ts";
import { attempt, MalformedError, type Parsed } from "./parsed.ts";

/** A key pair; `publicKeyInfo` is the DER SubjectPublicKeyInfo, as it stands in certificates. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKeyInfo: Uint8Array;
}

/** A new ECDSA P-256 pair (19 µs). */
export function generateKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, publicKeyInfo: publicKey.export({ type: "spki", format: "der" }) };
}

/** PKCS#8 PEM, unencrypted: what Envoy's and Bun's TLS contexts take. */
export function exportPrivateKey(key: KeyPair): Secret {
  return new Secret(key.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
}

/** Reads PKCS#8, SEC1 or PKCS#1 PEM, unencrypted, of a kind that `keyWeakness` allows. */
export function importPrivateKey(pem: Secret): Parsed<KeyPair> {
  return attempt(() => {
    const privateKey = decodeKey("private key", () => createPrivateKey(pem.reveal()));
    const publicKey = createPublicKey(privateKey);
    const weakness = keyWeakness(publicKey);
    if (weakness !== undefined) throw new MalformedError(weakness);
    return { privateKey, publicKeyInfo: publicKey.export({ type: "spki", format: "der" }) };
  });
}

/** Reads a SubjectPublicKeyInfo; a point that is not on its curve is refused, as is what `keyWeakness` names. */
export function importPublicKey(publicKeyInfo: Uint8Array): Parsed<KeyObject> {
  return attempt(() => {
    const key = decodeKey("public key", () =>
      createPublicKey({ key: Buffer.from(publicKeyInfo), format: "der", type: "spki" }),
    );
    const weakness = keyWeakness(key);
    if (weakness !== undefined) throw new MalformedError(weakness);
    return key;
  });
}

/**
 * Why a key is not used here, or undefined. ECDSA on P-256 and P-384 and RSA of 2048 to 4096 bits are what Envoy's TLS verifies in
 * certificates; RSA because Istio's agents and plugged-in roots make it. Above 4096 bits one verification costs a handshake's time.
 */
export function keyWeakness(key: KeyObject): string | undefined {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "ec") {
    return namedCurve === "prime256v1" || namedCurve === "secp384r1"
      ? undefined
      : `key is on curve ${namedCurve}, not P-256 or P-384`;
  }
  if (key.asymmetricKeyType !== "rsa") return `key is ${key.asymmetricKeyType}, not ECDSA or RSA`;
  return modulusLength >= 2048 && modulusLength <= 4096
    ? undefined
    : `RSA key has ${modulusLength} bits, not 2048 to 4096`;
}

/** node:crypto's messages name OpenSSL's internals and may hold parts of the input: they are replaced, not passed on. */
function decodeKey(what: string, decode: () => KeyObject): KeyObject {
  try {
    return decode();
  } catch {
    throw new MalformedError(`${what} cannot be decoded (encrypted, cut off, or of an unknown kind)`);
  }
}
