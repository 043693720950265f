import { describe, expect, test } from "bun:test";
import { createPublicKey, sign } from "node:crypto";
import { integer, oid, sequence } from "./der-writer.ts";
import { generateKeyPair } from "./key.ts";
import { attempt, type Parsed, parsed } from "./parsed.ts";
import { signatureAlgorithm, signBody, verifySigned } from "./signature.ts";

const { privateKey } = generateKeyPair();
const publicKey = createPublicKey(privateKey);
const body = sequence(integer(1));

function verify(changes: {
  readonly algorithm?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly body?: Uint8Array;
}): Parsed<boolean> {
  const parts = { body, algorithm: signatureAlgorithm(privateKey), signature: signBody(body, privateKey), ...changes };
  return attempt(() => verifySigned(parts, publicKey));
}

describe("a signature", () => {
  test("is good for its body and key only", () => {
    expect(verify({})).toEqual(parsed(true));
    expect(verify({ body: sequence(integer(2)) })).toEqual(parsed(false));
    expect(verify({ signature: signBody(body, generateKeyPair().privateKey) })).toEqual(parsed(false));
    expect(verify({ signature: Uint8Array.of() })).toEqual(parsed(false));
  });

  test("under SHA-1 or an algorithm that is not the key's is refused, though the bytes would verify", () => {
    const sha1 = verify({ algorithm: sequence(oid("1.2.840.10045.4.1")), signature: sign("sha1", body, privateKey) });
    expect(sha1).toMatchObject({ kind: "malformed", reason: expect.stringContaining("not supported") });
    const rsa = verify({ algorithm: sequence(oid("1.2.840.113549.1.1.11")) });
    expect(rsa).toMatchObject({ kind: "malformed", reason: expect.stringContaining("does not fit") });
  });
});
