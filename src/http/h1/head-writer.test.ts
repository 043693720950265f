// No character of a value may end its line, by whichever of the two ways the value is written.

import { expect, test } from "bun:test";
import type { FieldCase, HeaderList } from "../headers.ts";
import { MemoryTransport } from "../memory-transport.ts";
import { FLUSH_BYTES, Outbox } from "../outbox.ts";
import type { Transport } from "../transport.ts";
import { writeChunk, writeResponse } from "./head-writer.ts";
import { WRITTEN_VALUE } from "./octets.ts";

function written(headers: HeaderList, fieldCase?: FieldCase): Buffer {
  const [near, far] = MemoryTransport.pair();
  const outbox = new Outbox(near, { onOutboxDrained() {} }, 1 << 20);
  writeResponse(outbox, 200, headers, 0, undefined, "", fieldCase);
  outbox.flush();
  return far.take();
}

test("names are written in the letters that are kept of them, and a name ends no line either way", () => {
  const kept = new Map([
    ["x-a", "X-A"],
    ["content-length", "Content-LENGTH"],
    ["x-b", "X\r\nB"],
  ]);
  const lines = written(["x-a", "1", "x-b", "2", "x-\nc", "3"], kept).latin1Slice();
  expect(lines).toBe("HTTP/1.1 200 OK\r\nX-A: 1\r\nX__B: 2\r\nx-_c: 3\r\nContent-LENGTH: 0\r\n\r\n");
});

test.each([0, 46, 47, 48, 300])("a value of %i characters and one more of any kind stays in its line", (length) => {
  const filler = "v".repeat(length);
  for (let code = 0; code <= 0xffff; code += code < 0x400 ? 1 : 0x3d) {
    const lines = written(["x-a", filler + String.fromCharCode(code)]).latin1Slice();
    const expected = filler + String.fromCharCode(WRITTEN_VALUE[code & 0xff]!);
    expect(lines).toBe(`HTTP/1.1 200 OK\r\nx-a: ${expected}\r\ncontent-length: 0\r\n\r\n`);
  }
});

// A chunk that fills its buffer, one that leaves at once, one behind bytes that the transport did not take.
test.each([
  [16_384, Number.POSITIVE_INFINITY],
  [FLUSH_BYTES, Number.POSITIVE_INFINITY],
  [131_072, Number.POSITIVE_INFINITY],
  [FLUSH_BYTES, 3],
  [131_072, 70_000],
])("a chunk of %i bytes has its end, when %d are taken at first", (length, taken) => {
  const sent: Buffer[] = [];
  let limit = taken;
  const transport: Transport = {
    write(bytes, start = 0, count = bytes.length - start) {
      const now = Math.min(count, limit);
      limit = Number.POSITIVE_INFINITY;
      sent.push(Buffer.from(bytes.subarray(start, start + now)));
      return now;
    },
    pause() {},
    resume() {},
    end() {},
    terminate() {},
  };
  const outbox = new Outbox(transport, { onOutboxDrained() {} }, 1 << 20);
  outbox.write(Buffer.from("before"));
  const chunk = Buffer.alloc(length, "c");
  for (let i = 0; i < 2; i++) {
    writeChunk(outbox, chunk);
    outbox.flush();
    outbox.drained();
  }
  const framed = `${length.toString(16)}\r\n${chunk.latin1Slice()}\r\n`;
  expect(Buffer.concat(sent).latin1Slice() === `before${framed}${framed}`).toBe(true);
});
