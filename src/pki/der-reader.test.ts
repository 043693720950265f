import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DerReader, TAG } from "./der-reader.ts";
import { element, integer, namedBits, oid, sequence, time } from "./der-writer.ts";
import { attempt } from "./parsed.ts";

function bytes(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

function reasonOf(read: () => unknown): string {
  const result = attempt(read);
  return result.kind === "malformed" ? result.reason : "";
}

describe("lengths", () => {
  test("are refused when indefinite, not minimal, cut off or beyond the end", () => {
    for (const hex of ["3080 0000", "30 8101 00", "30 820001 00", "30 84 00000001 00", "30", "30 81", "30 05 0201"]) {
      expect(reasonOf(() => new DerReader(bytes(hex)).enter(TAG.sequence))).not.toBe("");
    }
  });

  test("do not reach beyond the element that holds them", () => {
    const outer = new DerReader(bytes("30 03 04 04 01 020304")); // the inner string claims bytes behind the outer sequence
    expect(reasonOf(() => outer.enter(TAG.sequence).contents(TAG.octetString))).toContain("4 bytes has 1");
  });

  test("of one, two and three octets are read back as written", () => {
    for (const size of [0, 1, 127, 128, 255, 256, 65_535]) {
      const contents = new Uint8Array(size).fill(7);
      expect(new DerReader(element(TAG.octetString, contents)).contents(TAG.octetString).length).toBe(size);
    }
  });
});

describe("values", () => {
  test("integers that are empty or padded are refused", () => {
    for (const hex of ["0200", "0202 0001", "0202 ff80"])
      expect(reasonOf(() => new DerReader(bytes(hex)).integerBytes())).not.toBe("");
  });

  test("a small integer is neither negative nor above 2³¹-1", () => {
    expect(new DerReader(bytes("0204 7fffffff")).smallInteger()).toBe(0x7fff_ffff);
    expect(reasonOf(() => new DerReader(bytes("0201 ff")).smallInteger())).toContain("out of range");
    expect(reasonOf(() => new DerReader(bytes("0205 0080000000")).smallInteger())).toContain("out of range");
  });

  test("a boolean is 00 or FF", () => {
    expect(new DerReader(bytes("0101 ff")).boolean()).toBe(true);
    expect(reasonOf(() => new DerReader(bytes("0101 01")).boolean())).not.toBe("");
  });

  test("object identifiers keep their arcs, the joined first two included", () => {
    for (const name of ["2.5.29.17", "1.2.840.113549.1.9.14", "0.9.2342", "2.999.3", "1.3.6.1.5.5.7.3.1"]) {
      expect(new DerReader(oid(name)).oid()).toBe(name);
    }
  });

  test("object identifiers that are padded, cut off or above 2³² are refused", () => {
    for (const hex of ["0602 8001", "0601 80", "0600", "0607 2a ffffffffff7f"])
      expect(reasonOf(() => new DerReader(bytes(hex)).oid())).not.toBe("");
  });

  test("named bits survive writing and reading", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x1ff }), (mask) => new DerReader(namedBits(mask)).namedBits() === mask),
    );
  });

  test("times are UTCTime through 2049 and GeneralizedTime from 2050, as RFC 5280 wants", () => {
    const last = Date.UTC(2049, 11, 31, 23, 59, 59);
    expect(time(last)[0]).toBe(TAG.utcTime);
    expect(time(last + 1_000)[0]).toBe(TAG.generalizedTime);
    for (const ms of [0, last, last + 1_000, Date.UTC(1950, 0, 1)]) expect(new DerReader(time(ms)).time()).toBe(ms);
  });

  test("times that do not exist, or carry a zone or no seconds, are refused", () => {
    for (const text of ["250231000000Z", "2501010000Z", "250101000000+0100", "259901000000Z", "250101240000Z"]) {
      expect(reasonOf(() => new DerReader(element(TAG.utcTime, Buffer.from(text))).time())).not.toBe("");
    }
  });
});

test("bytes behind a structure are refused", () => {
  const reader = new DerReader(Buffer.concat([sequence(integer(1)), Uint8Array.of(0)]));
  reader.enter(TAG.sequence);
  expect(reasonOf(() => reader.expectEnd())).toContain("1 bytes after");
});

test("random bytes never throw anything but what attempt turns into a value", () => {
  const reads: ((reader: DerReader) => unknown)[] = [
    (reader) => reader.enter(TAG.sequence).enter(TAG.sequence),
    (reader) => reader.any(),
    (reader) => reader.oid(),
    (reader) => reader.time(),
    (reader) => reader.namedBits(),
    (reader) => reader.bitString(),
    (reader) => reader.smallInteger(),
    (reader) => reader.boolean(),
  ];
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.nat(reads.length - 1),
      fc.constantFrom(...Object.values(TAG)),
      (raw, index, tag) => {
        if (raw.length > 0) raw[0] = tag; // so that the tag fits often enough to reach what is behind it
        attempt(() => reads[index]!(new DerReader(raw)));
      },
    ),
    { numRuns: 500 },
  );
});
