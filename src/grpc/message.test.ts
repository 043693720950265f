import { expect, test } from "bun:test";
import fc from "fast-check";
import { frameMessage, frameParts, MessageReader } from "./message.ts";

function read(
  chunks: readonly Uint8Array[],
  maxBytes = 1_000_000,
): { messages: string[]; fault: string | undefined; boundary: boolean } {
  const reader = new MessageReader(maxBytes);
  const messages: string[] = [];
  let fault: string | undefined;
  for (const chunk of chunks) fault ??= reader.feed(chunk, (message) => messages.push(message.toString("latin1")));
  return { messages, fault, boundary: reader.isAtBoundary };
}

test("messages survive any split of their bytes", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 40_000 }), { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 50_000 }), { maxLength: 6 }),
      (texts, cuts) => {
        const sent = texts.map((text) => Buffer.from(text).toString("latin1"));
        const bytes = Buffer.concat(sent.map((text) => frameMessage(Buffer.from(text, "latin1"))));
        const points = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const chunks = points.slice(1).map((point, i) => bytes.subarray(points[i], point));
        expect(read(chunks)).toEqual({ messages: sent, fault: undefined, boundary: true });
      },
    ),
  );
});

test("an empty message is a message", () => {
  expect(read([frameMessage(Buffer.alloc(0))])).toEqual({ messages: [""], fault: undefined, boundary: true });
});

test("a length above the limit and a compressed message are refused before their bytes", () => {
  expect(read([Buffer.from([0, 0, 0, 0, 11])], 10).fault).toBe("too-large");
  expect(read([Buffer.from([1, 0, 0, 0, 1, 65])]).fault).toBe("compressed");
});

test("a stream that stops inside a message is not at a boundary", () => {
  expect(read([Buffer.from([0, 0, 0, 0, 4, 1, 2])]).boundary).toBe(false);
  expect(read([Buffer.from([0, 0])]).boundary).toBe(false);
});

test("a message in parts is the parts together; long ones are not copied", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 1, 1_000, 60_000, 66_000, 300_000), { maxLength: 6 }), (lengths) => {
      const parts = lengths.map((length, i) => Buffer.alloc(length, i + 1));
      const chunks = frameParts(parts);
      expect(Buffer.concat(chunks).equals(frameMessage(Buffer.concat(parts)))).toBe(true);
      for (const part of parts.filter(({ length }) => length > 65_536))
        expect(chunks.some(({ buffer }) => buffer === part.buffer)).toBe(true);
    }),
  );
});
