import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeMessage, ednsOf, encodeMessage, type Message, optRecord } from "./message.ts";
import { type Name, nameOf } from "./name.ts";

const word = fc.integer({ min: 0, max: 0xffff });
const name: fc.Arbitrary<Name> = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 3 })
  .map((labels) => Uint8Array.from([...labels.flatMap((label) => [label.length, ...label]), 0]));
const question = fc.record({ name, type: word, class: word });
const record = fc.record({
  name,
  type: word,
  class: word,
  ttl: fc.integer({ min: 0, max: 0xffff_ffff }),
  data: fc.uint8Array({ maxLength: 300 }),
});
const message: fc.Arbitrary<Message> = fc.record({
  id: word,
  flags: word,
  questions: fc.array(question, { maxLength: 3 }),
  answers: fc.array(record, { maxLength: 5 }),
  authorities: fc.array(record, { maxLength: 3 }),
  additionals: fc.array(record, { maxLength: 3 }),
});

test("what is written is read", () => {
  fc.assert(
    fc.property(message, (written) => {
      expect(decodeMessage(encodeMessage(written))).toEqual({ kind: "message", message: written });
    }),
  );
});

test("any bytes are a message or are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(["message", "malformed"]).toContain(decodeMessage(bytes).kind);
    }),
    { numRuns: 2_000 },
  );
});

test("a message with some bytes changed is a message or is refused, and so is one that is cut or goes on", () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 });
  fc.assert(
    fc.property(message, changes, fc.nat(), (written, changed, cut) => {
      const bytes = encodeMessage(written).slice();
      expect(decodeMessage(bytes.subarray(0, cut % bytes.length)).kind).toBe("malformed");
      expect(decodeMessage(Uint8Array.from([...bytes, 0])).kind).toBe("malformed");
      for (const [at, byte] of changed) bytes[at % bytes.length] = byte;
      expect(["message", "malformed"]).toContain(decodeMessage(bytes).kind);
    }),
    { numRuns: 500 },
  );
});

test("a message of 64 KiB that is nothing but pointers costs little", () => {
  // 5,450 records, whose names are one chain of pointers after the other.
  const bytes = new Uint8Array(65_535).fill(0);
  for (let at = 12; at + 1 < bytes.length; at += 2) bytes.set([0xc0 | ((at - 2) >> 8), (at - 2) & 0xff], at);
  new DataView(bytes.buffer).setUint16(6, 5_450);
  expect(decodeMessage(bytes).kind).toBe("malformed");
});

test("counts that the bytes do not hold are refused without waiting for their end", () => {
  const header = Uint8Array.from([0, 1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  expect(decodeMessage(header)).toEqual({ kind: "malformed", reason: "a name is cut off" });
});

test("a name that was written before is written as a pointer", () => {
  const asked = nameOf("golden-signal.default.svc.cluster.local")!;
  const answer = { name: asked, type: 1, class: 1, ttl: 30, data: Uint8Array.of(240, 240, 0, 1) };
  const base = { id: 1, flags: 0, questions: [{ name: asked, type: 1, class: 1 }], authorities: [], additionals: [] };
  const bytes = encodeMessage({ ...base, answers: [answer, answer] });
  expect(bytes.length).toBe(12 + asked.length + 4 + 2 * 16);
  expect([...bytes.subarray(12 + asked.length + 4, 12 + asked.length + 6)]).toEqual([0xc0, 12]);
});

test("EDNS says what the client takes; less than 512 bytes is 512", () => {
  const base = { id: 1, flags: 0, questions: [], answers: [], authorities: [] };
  expect(ednsOf({ ...base, additionals: [] })).toBeUndefined();
  expect(ednsOf({ ...base, additionals: [optRecord(1_232, true)] })).toEqual({
    udpBytes: 1_232,
    version: 0,
    dnssecOk: true,
  });
  expect(ednsOf({ ...base, additionals: [optRecord(100, false)] })?.udpBytes).toBe(512);
});
