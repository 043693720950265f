import { expect, test } from "bun:test";
import fc from "fast-check";
import { MessageReader, writeMessage } from "./tcp-frame.ts";

test("messages come out as they went in, however the stream was cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }), (sent, pieces) => {
      const bytes = Buffer.concat(sent.map(writeMessage));
      const received: Uint8Array[] = [];
      const reader = new MessageReader((message) => void received.push(message));
      for (let at = 0, i = 0; at < bytes.length; at += pieces[i++ % pieces.length]!)
        reader.receive(bytes.subarray(at, at + pieces[i % pieces.length]!));
      expect(received).toEqual(sent);
    }),
  );
});

test("a message is not told before it is whole", () => {
  let received = 0;
  const reader = new MessageReader(() => received++);
  for (const byte of [0, 2, 1]) reader.receive(Uint8Array.of(byte));
  expect(received).toBe(0);
  reader.receive(Uint8Array.of(1));
  expect(received).toBe(1);
});
