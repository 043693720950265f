import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { fingerprint, isSelfIssued, parseCertificate, parseCertificates } from "./certificate.ts";
import { KEY_USAGE } from "./certificate-extensions.ts";
import { NOON_MS, testLeaf, testRoot } from "./certificate-fixtures.ts";
import { bitString, booleanTrue, explicit, integer, octetString, oid, sequence, time } from "./der-writer.ts";
import { OID } from "./oid.ts";

const root = testRoot(NOON_MS);
const leaf = testLeaf(root, "spiffe://cluster.local/ns/default/sa/a", NOON_MS);

describe("a certificate", () => {
  test("is read as node:crypto reads it", () => {
    for (const { certificate } of [root, leaf]) {
      const oracle = new X509Certificate(certificate.der);
      expect(BigInt(`0x${certificate.serial}`)).toBe(BigInt(`0x${oracle.serialNumber}`));
      expect(certificate.notBeforeMs).toBe(Date.parse(oracle.validFrom));
      expect(certificate.notAfterMs).toBe(Date.parse(oracle.validTo));
      expect(certificate.altNames.uris.map((uri) => `URI:${uri}`).join(", ")).toBe(oracle.subjectAltName!);
      expect(fingerprint(certificate)).toBe(oracle.fingerprint256.replaceAll(":", "").toLowerCase());
      expect(certificate.basicConstraints?.ca).toBe(oracle.ca);
      expect(Buffer.from(certificate.publicKeyInfo)).toEqual(oracle.publicKey.export({ type: "spki", format: "der" }));
    }
  });

  test("of a workload has every flag of an X.509-SVID", () => {
    expect(leaf.certificate).toMatchObject({
      subjectEmpty: true,
      altNames: { critical: true, uris: ["spiffe://cluster.local/ns/default/sa/a"], dnsNames: [], others: 0 },
      basicConstraints: { ca: false, pathLength: undefined },
      keyUsage: { critical: true, bits: KEY_USAGE.digitalSignature },
      extendedKeyUsage: [OID.serverAuth, OID.clientAuth],
      unknownCritical: [],
    });
    expect(isSelfIssued(leaf.certificate)).toBe(false);
  });

  test("of an authority is self-issued and says so", () => {
    expect(root.certificate).toMatchObject({
      subjectEmpty: false,
      basicConstraints: { ca: true },
      altNames: { critical: false },
    });
    expect(isSelfIssued(root.certificate)).toBe(true);
  });

  test("keeps a name with a comma one name", () => {
    const injected = testLeaf(root, "spiffe://cluster.local/a, URI:spiffe://cluster.local/b", NOON_MS);
    expect(injected.certificate.altNames.uris).toEqual(["spiffe://cluster.local/a, URI:spiffe://cluster.local/b"]);
  });

  test("with a name outside printable ASCII is refused", () => {
    expect(() => testLeaf(root, "spiffe://cluster.local/a\0b", NOON_MS)).toThrow("printable ASCII");
  });

  test("with more than 512 names is refused", () => {
    const uris = Array.from({ length: 513 }, (_, index) => `spiffe://a/${index}`);
    expect(() => testLeaf(root, "", NOON_MS, { uris })).toThrow("512");
  });

  test("of 2050 and later is read", () => {
    const late = testLeaf(root, "spiffe://a/b", NOON_MS, { notAfterMs: Date.UTC(2070, 0, 1) });
    expect(late.certificate.notAfterMs).toBe(Date.UTC(2070, 0, 1));
  });
});

describe("PEM", () => {
  test("of several certificates is read in order, text around them is allowed", () => {
    const read = parseCertificates(`subject=x\n${leaf.pem}\n# the root\n${root.pem}`);
    expect(read.kind === "parsed" && read.value.map(fingerprint)).toEqual(
      [leaf, root].map(({ certificate }) => fingerprint(certificate)),
    );
  });

  test("with Windows line ends is read", () => {
    expect(parseCertificates(leaf.pem.replaceAll("\n", "\r\n")).kind).toBe("parsed");
  });

  test("that is empty, cut off, mislabelled, not base64 or too long gives the reason", () => {
    const cases: readonly [string, string][] = [
      ["", "no PEM block"],
      ["hello", "no PEM block"],
      [leaf.pem.slice(0, 200), "cut off"],
      [leaf.pem.replace("END CERTIFICATE", "END X"), "begins as CERTIFICATE and ends as X"],
      [leaf.pem.replace("\nMII", "\nM!I"), "not base64"],
      [leaf.keyPem, "PRIVATE KEY, not CERTIFICATE"],
      [leaf.pem.repeat(11), "above the limit of 10"],
      [leaf.pem.repeat(1_000), "above the limit"],
    ];
    for (const [text, reason] of cases) {
      const read = parseCertificates(text);
      expect(read.kind === "malformed" && read.reason).toContain(reason);
    }
  });
});

describe("a structure by hand", () => {
  interface Parts {
    readonly version?: readonly Uint8Array[];
    readonly outerAlgorithm?: Uint8Array;
    readonly serial?: Uint8Array;
    readonly extensions?: readonly Uint8Array[];
  }

  const ECDSA = sequence(oid("1.2.840.10045.4.3.2"));

  /** A certificate of these parts; its signature is nonsense, which reading does not mind. */
  function read({
    version = [explicit(0, integer(2))],
    outerAlgorithm = ECDSA,
    serial = integer(1),
    extensions = [],
  }: Parts): string {
    const validity = sequence(time(NOON_MS), time(NOON_MS));
    const list = explicit(3, sequence(...extensions));
    const body = sequence(...version, serial, ECDSA, sequence(), validity, sequence(), root.key.publicKeyInfo, list);
    const result = parseCertificate(sequence(body, outerAlgorithm, bitString(Uint8Array.of(1))));
    return result.kind === "malformed" ? result.reason : result.value.unknownCritical.join();
  }

  function extension(name: string, critical: boolean): Uint8Array {
    return sequence(oid(name), ...(critical ? [booleanTrue()] : []), octetString(sequence()));
  }

  test("is read without any extension", () => {
    expect(read({})).toBe("");
  });

  test("is refused in version 1 and 2, which have no extensions to rely on", () => {
    expect(read({ version: [] })).toContain("version 1");
    expect(read({ version: [explicit(0, integer(1))] })).toContain("version 2");
  });

  test("is refused when it names another signature algorithm outside of what is signed", () => {
    expect(read({ outerAlgorithm: sequence(oid("1.2.840.10045.4.3.3")) })).toContain("two signature algorithms");
  });

  test("is refused with a negative serial or one of more than 20 octets", () => {
    expect(read({ serial: Uint8Array.of(2, 1, 0xff) })).toContain("serial");
    expect(read({ serial: integer(new Uint8Array(22).fill(1)) })).toContain("serial");
  });

  test("is refused with one extension twice, or with more than 32", () => {
    expect(read({ extensions: [extension("1.2.3", false), extension("1.2.3", false)] })).toContain("twice");
    expect(read({ extensions: Array.from({ length: 33 }, (_, index) => extension(`1.2.${index}`, false)) })).toContain(
      "more than 32",
    );
  });

  test("tells which critical extensions nobody here processes", () => {
    const extensions = [extension("1.2.3", false), extension("2.5.29.30", true), extension("2.5.29.19", true)];
    expect(read({ extensions })).toBe("2.5.29.30");
  });
});

describe("hostile bytes", () => {
  test("random bytes are malformed and never throw", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (raw) => parseCertificate(raw).kind === "malformed"));
  });

  test("every cut and every changed byte of a real certificate is read or malformed, never thrown", () => {
    const { der } = leaf.certificate;
    for (let length = 0; length < der.length; length++)
      expect(parseCertificate(der.subarray(0, length)).kind).toBe("malformed");
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const broken = Uint8Array.from(der);
        broken[index]! ^= change;
        parseCertificate(broken);
      }),
      { numRuns: 2_000 },
    );
  });

  test("a certificate with bytes behind it is refused", () => {
    expect(parseCertificate(Buffer.concat([leaf.certificate.der, Uint8Array.of(0)])).kind).toBe("malformed");
  });
});
