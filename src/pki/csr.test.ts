import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { makeCertificateRequest, parseCertificateRequest, provesPossession } from "./csr.ts";
import { contextConstructed, contextPrimitive } from "./der-reader.ts";
import { bitString, element, integer, octetString, oid, sequence, setOf } from "./der-writer.ts";
import { generateKeyPair, type KeyPair } from "./key.ts";
import { OID } from "./oid.ts";
import { parsed } from "./parsed.ts";
import { formatPem, parsePem } from "./pem.ts";
import { signatureAlgorithm, signBody } from "./signature.ts";
import { parseSpiffeId, type SpiffeId } from "./spiffe.ts";

const ID = "spiffe://cluster.local/ns/default/sa/a";
const key = generateKeyPair();

function spiffeId(text: string): SpiffeId {
  const id = parseSpiffeId(text);
  if (id.kind === "malformed") throw new Error(id.reason);
  return id.value;
}

function uriName(text: string): Uint8Array {
  return element(contextPrimitive(6), Buffer.from(text));
}

function altNames(...names: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(OID.subjectAltName), octetString(sequence(...names)));
}

function extensionRequest(...extensions: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(OID.extensionRequest), setOf(sequence(...extensions)));
}

/** A signed request with these attributes, whatever they are. */
function request(attributes: readonly Uint8Array[], pair: KeyPair = key): string {
  const body = sequence(integer(0), sequence(), pair.publicKeyInfo, element(contextConstructed(0), ...attributes));
  return formatPem(
    "CERTIFICATE REQUEST",
    sequence(body, signatureAlgorithm(pair.privateKey), bitString(signBody(body, pair.privateKey))),
  );
}

function faultOf(pem: string): string {
  const result = parseCertificateRequest(pem);
  return result.kind === "malformed" ? result.reason : "";
}

describe("a request that Heddle makes", () => {
  const pem = makeCertificateRequest(key, spiffeId(ID));

  test("is read back with its name and its key, and proves possession", () => {
    const read = parseCertificateRequest(pem);
    if (read.kind === "malformed") throw new Error(read.reason);
    expect(read.value.id.uri).toBe(ID);
    expect(read.value.publicKeyInfo).toEqual(key.publicKeyInfo);
    expect(provesPossession(read.value)).toEqual(parsed(true));
  });

  test("does not prove possession of another key", () => {
    const other = parseCertificateRequest(makeCertificateRequest(generateKeyPair(), spiffeId(ID)));
    const mine = parseCertificateRequest(pem);
    if (mine.kind === "malformed" || other.kind === "malformed") throw new Error("fixture");
    expect(provesPossession({ ...mine.value, publicKey: other.value.publicKey })).toEqual(parsed(false));
  });
});

describe("a request of others", () => {
  test("may be of RSA 2048, as Istio's agents make it, or of P-384", () => {
    for (const pair of [
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      generateKeyPairSync("ec", { namedCurve: "P-384" }),
    ]) {
      const other = {
        privateKey: pair.privateKey,
        publicKeyInfo: pair.publicKey.export({ type: "spki", format: "der" }),
      };
      const read = parseCertificateRequest(request([extensionRequest(altNames(uriName(ID)))], other));
      expect(read.kind === "parsed" && provesPossession(read.value)).toEqual(parsed(true));
    }
  });

  test("of RSA 1024, Ed25519 or P-521 is refused with the reason", () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const publicKeyInfo = weak.publicKey.export({ type: "spki", format: "der" });
    expect(
      faultOf(request([extensionRequest(altNames(uriName(ID)))], { privateKey: weak.privateKey, publicKeyInfo })),
    ).toContain("1024 bits");
    const edwards = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" });
    expect(faultOf(request([extensionRequest(altNames(uriName(ID)))], { ...key, publicKeyInfo: edwards }))).toContain(
      "ed25519",
    );
    const wide = generateKeyPairSync("ec", { namedCurve: "P-521" }).publicKey.export({ type: "spki", format: "der" });
    expect(faultOf(request([extensionRequest(altNames(uriName(ID)))], { ...key, publicKeyInfo: wide }))).toContain(
      "secp521r1",
    );
  });

  test("with a point that is not on the curve is refused", () => {
    const publicKeyInfo = Uint8Array.from(key.publicKeyInfo);
    publicKeyInfo[publicKeyInfo.length - 1]! ^= 1;
    expect(faultOf(request([extensionRequest(altNames(uriName(ID)))], { ...key, publicKeyInfo }))).toContain(
      "cannot be decoded",
    );
  });

  test("with other attributes and extensions is read, and they have no effect", () => {
    const challenge = sequence(oid("1.2.840.113549.1.9.7"), setOf(octetString(Buffer.from("x"))));
    const authority = sequence(oid(OID.basicConstraints), octetString(sequence(element(0x01, Uint8Array.of(0xff)))));
    expect(faultOf(request([challenge, extensionRequest(authority, altNames(uriName(ID)))]))).toBe("");
  });

  test("must have exactly one name, a SPIFFE id", () => {
    const dns = element(contextPrimitive(2), Buffer.from("a.default.svc"));
    const address = element(contextPrimitive(7), Uint8Array.of(127, 0, 0, 1));
    const cases: readonly [readonly Uint8Array[], string][] = [
      [[], "names nobody"],
      [[extensionRequest()], "no subject alternative name"],
      [[extensionRequest(altNames())], "exactly one"],
      [[extensionRequest(altNames(uriName(ID), uriName(ID)))], "exactly one"],
      [[extensionRequest(altNames(uriName(ID), dns))], "exactly one"],
      [[extensionRequest(altNames(uriName(ID), address))], "exactly one"],
      [[extensionRequest(altNames(dns))], "exactly one"],
      [[extensionRequest(altNames(uriName(ID)), altNames(uriName(ID)))], "exactly one"],
      [[extensionRequest(altNames(uriName(ID))), extensionRequest(altNames(uriName(ID)))], "twice"],
      [[extensionRequest(altNames(uriName("https://a/b")))], "spiffe://"],
      [Array.from({ length: 17 }, () => sequence(oid("1.2.3"), setOf())), "more than 16"],
    ];
    for (const [attributes, reason] of cases) expect(faultOf(request(attributes))).toContain(reason);
  });
});

describe("hostile text", () => {
  const pem = makeCertificateRequest(key, spiffeId(ID));

  test("that is no request, two requests or too long gives the reason", () => {
    expect(faultOf("")).toContain("no PEM block");
    expect(faultOf(pem + pem)).toContain("not one PEM block");
    expect(faultOf(pem.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE"))).toContain("not one PEM block");
    expect(faultOf(pem.replaceAll("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"))).toBe("");
    expect(faultOf("a".repeat(16_385))).toContain("limit");
  });

  test("of random characters never throws", () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => parseCertificateRequest(text).kind === "malformed"));
  });

  test("of random bytes in a PEM block never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (raw) => {
        expect(parseCertificateRequest(formatPem("CERTIFICATE REQUEST", raw)).kind).toBe("malformed");
      }),
    );
  });

  test("of a real request with changed bytes is malformed, or proves nothing, and never throws", () => {
    const blocks = parsePem(pem);
    if (blocks.kind === "malformed") throw new Error(blocks.reason);
    const { der } = blocks.value[0]!;
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const broken = Uint8Array.from(der);
        broken[index]! ^= change;
        const read = parseCertificateRequest(formatPem("CERTIFICATE REQUEST", broken));
        if (read.kind === "parsed") expect(provesPossession(read.value)).not.toEqual(parsed(true));
      }),
      { numRuns: 1_000 },
    );
  });
});
