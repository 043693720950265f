import { expect, test } from "bun:test";
import fc from "fast-check";
import type { HeaderList } from "../headers.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { FieldBlock } from "./field-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { boundOf, HpackEncoder } from "./hpack-encoder.ts";

/** An encoder and the decoder at its peer, which must stay in step. */
class Codec {
  readonly encoder = new HpackEncoder();
  readonly #decoder = new HpackDecoder();
  readonly #block = new FieldBlock({ ...DEFAULT_LIMITS, maxHeadBytes: 1 << 20, maxHeaders: 1_000 });
  bytes = Buffer.alloc(0);

  send(headers: HeaderList): HeaderList {
    const buffer = Buffer.alloc(boundOf(headers) + 16);
    this.encoder.begin(buffer, 0);
    this.encoder.fields(headers);
    this.bytes = buffer.subarray(0, this.encoder.at);
    this.#block.reset();
    if (!this.#decoder.decode(this.bytes, 0, this.bytes.length, this.#block)) throw new Error("the block is broken");
    return this.#block.takeHeaders();
  }
}

// Few names and values, so that many repeat, next to arbitrary ones, some of which are larger than the table.
const name = fc.oneof(
  fc.constantFrom("accept", "x-request-id", "authorization", "x-a", "x-b", "date", "traceparent"),
  fc
    .stringMatching(/^[a-z-]{1,40}$/)
    .filter((text) => !["te", "host", "upgrade", "connection", "cookie"].includes(text)),
);
const value = fc.oneof(
  fc.constantFrom("", "1", "2", "a much longer value that repeats"),
  fc.string({
    unit: fc
      .integer({ min: 0x21, max: 0xff })
      .filter((c) => c !== 0x7f)
      .map((c) => String.fromCharCode(c)),
    maxLength: 60,
  }),
  fc.integer({ min: 1, max: 6_000 }).map((length) => "v".repeat(length)),
);
const headerList = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((fields) => fields.flat());

test("whatever is encoded is decoded, while the peer changes its table size", () => {
  const step = fc.record({ headers: headerList, tableBytes: fc.option(fc.constantFrom(0, 40, 256, 4_096, 65_536)) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const codec = new Codec();
      for (const { headers, tableBytes } of steps) {
        if (tableBytes !== null) codec.encoder.setPeerTableBytes(tableBytes);
        expect(codec.send(headers)).toEqual(headers);
      }
    }),
    { numRuns: 200 },
  );
});

test("a repeated list costs one byte a field", () => {
  const codec = new Codec();
  const headers = ["user-agent", "curl/8.5.0", "x-envoy-peer-metadata", "m".repeat(400), "accept", "*/*"];
  for (let i = 0; i < 4; i++) codec.send(headers);
  expect(codec.bytes.length).toBe(3);
});

test("a value that is new each time does not enter the table, and its name costs two bytes at most", () => {
  const codec = new Codec();
  const fixed = ["user-agent", "curl/8.5.0", "accept", "*/*"];
  for (let i = 0; i < 500; i++) codec.send([...fixed, "x-request-id", `id-${1_000 + i}`, "x-nonce", `n-${1_000 + i}`]);
  // One byte for each fixed field; for the others an index, a length and the value.
  expect(codec.bytes.length).toBeLessThanOrEqual(2 + 2 * (2 + 1 + 7));
});

test("a field that changes now and then is indexed again after each change", () => {
  const codec = new Codec();
  for (let second = 0; second < 20; second++) {
    for (let i = 0; i < 20; i++) codec.send(["date", `Mon, 23 Nov 2026 02:00:${second} GMT`]);
    expect(codec.bytes.length).toBe(1);
  }
});

test("a stranger with new names each time leaves the table as it is", () => {
  const codec = new Codec();
  for (let i = 0; i < 3; i++) codec.send(["x-tenant", "blue"]);
  for (let i = 0; i < 2_000; i++) codec.send([`x-odd-${i}`, "value"]);
  codec.send(["x-tenant", "blue"]);
  expect(codec.bytes.length).toBeLessThanOrEqual(2);
});

test("credentials are never indexed, and say so to every hop", () => {
  const codec = new Codec();
  for (const field of ["authorization", "cookie", "set-cookie", "proxy-authorization"]) {
    for (let i = 0; i < 5; i++) codec.send([field, "secret"]);
    expect(codec.bytes[0]! & 0xf0).toBe(0x10);
    expect(codec.bytes.includes("secret")).toBe(true);
  }
});

test("characters that could end a line never leave", () => {
  const codec = new Codec();
  expect(codec.send(["x-a", "a\r\nb: c", "x-b", "\u010a\u0100", "x-c", "é\ttab"])).toEqual([
    "x-a",
    "a  b: c",
    "x-b",
    "",
    "x-c",
    "é\ttab",
  ]);
});
