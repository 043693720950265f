// No character of a value may end its line, by whichever of the two ways the value is written.

import { expect, test } from "bun:test";
import type { HeaderList } from "../headers.ts";
import { MemoryTransport } from "../memory-transport.ts";
import { Outbox } from "../outbox.ts";
import { writeResponse } from "./head-writer.ts";
import { WRITTEN_VALUE } from "./octets.ts";

function written(headers: HeaderList): Buffer {
  const [near, far] = MemoryTransport.pair();
  const outbox = new Outbox(near, { onOutboxDrained() {} }, 1 << 20);
  writeResponse(outbox, 200, headers, 0, undefined, "");
  outbox.flush();
  return far.take();
}

test.each([0, 46, 47, 48, 300])("a value of %i characters and one more of any kind stays in its line", (length) => {
  const filler = "v".repeat(length);
  for (let code = 0; code <= 0xffff; code += code < 0x400 ? 1 : 0x3d) {
    const lines = written(["x-a", filler + String.fromCharCode(code)]).latin1Slice();
    const expected = filler + String.fromCharCode(WRITTEN_VALUE[code & 0xff]!);
    expect(lines).toBe(`HTTP/1.1 200 OK\r\nx-a: ${expected}\r\ncontent-length: 0\r\n\r\n`);
  }
});
