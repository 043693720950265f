import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { Secret } from "../base/secret.ts";
import { exportPrivateKey, generateKeyPair, importPrivateKey } from "./key.ts";

function pemOf(
  pair: { readonly privateKey: ReturnType<typeof generateKeyPair>["privateKey"] },
  type: "pkcs8" | "sec1" | "pkcs1" = "pkcs8",
): Secret {
  return new Secret(pair.privateKey.export({ type: type as "pkcs8", format: "pem" }).toString());
}

test("a generated key survives PEM and is another each time", () => {
  const key = generateKeyPair();
  const read = importPrivateKey(exportPrivateKey(key));
  expect(read.kind === "parsed" && Buffer.from(read.value.publicKeyInfo)).toEqual(Buffer.from(key.publicKeyInfo));
  expect(generateKeyPair().publicKeyInfo).not.toEqual(key.publicKeyInfo);
});

test("a key does not print its secret", () => {
  const key = generateKeyPair();
  const secret = exportPrivateKey(key);
  const body = secret.reveal().split("\n")[1]!;
  for (const text of [Bun.inspect(key), JSON.stringify(key), `${secret}`, Bun.inspect(secret)])
    expect(text).not.toContain(body);
});

test("SEC1 and PKCS#1 keys are read, as openssl and Istio write them", () => {
  expect(importPrivateKey(pemOf(generateKeyPairSync("ec", { namedCurve: "P-256" }), "sec1")).kind).toBe("parsed");
  expect(importPrivateKey(pemOf(generateKeyPairSync("rsa", { modulusLength: 2048 }), "pkcs1")).kind).toBe("parsed");
});

test("keys of other kinds, encrypted keys and garbage give a reason that quotes nothing", () => {
  const encrypted = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  }).privateKey;
  const cases: readonly [Secret, string][] = [
    [pemOf(generateKeyPairSync("ed25519")), "ed25519"],
    [pemOf(generateKeyPairSync("ec", { namedCurve: "P-521" })), "secp521r1"],
    [pemOf(generateKeyPairSync("rsa", { modulusLength: 1024 })), "1024 bits"],
    [new Secret(encrypted), "encrypted"],
    [new Secret("hunter2"), "cannot be decoded"],
    [new Secret(""), "cannot be decoded"],
  ];
  for (const [pem, reason] of cases) {
    const read = importPrivateKey(pem);
    expect(read.kind === "malformed" && read.reason).toContain(reason);
    expect(JSON.stringify(read)).not.toContain("hunter2");
  }
});
