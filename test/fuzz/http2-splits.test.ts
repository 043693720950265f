// Conversations of frames, right and wrong in any mixture: however their bytes are cut, the server's owner is told the same and the client
// gets the same answers, and nothing is left when the connection is over.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { FLAG, FRAME, PREFACE } from "../../src/http/h2/frame.ts";
import {
  block,
  data,
  frame,
  GET,
  headers,
  POST,
  RawClient,
  rst,
  SETTINGS,
  settingsOf,
  windowUpdate,
} from "../../src/http/h2/raw-peer.ts";
import { settle } from "../../src/http/memory-transport.ts";
import { runs, timeLimitMs } from "./effort.ts";

const id = fc.constantFrom(1, 3, 5, 7, 0, 2);
const text = fc.string({ maxLength: 30 });

const sensible = fc.oneof(
  fc.tuple(id, fc.boolean()).map(([stream, end]) => headers(stream, end ? GET : POST, end)),
  fc.tuple(id, text, fc.boolean()).map(([stream, body, end]) => data(stream, body, end)),
  fc.tuple(id, fc.constantFrom(0, 2, 8)).map(([stream, code]) => rst(stream, code)),
  fc.tuple(id, fc.constantFrom(1, 100, 0x7fff_ffff)).map(([stream, size]) => windowUpdate(stream, size)),
  fc.constantFrom(0, 1, 65_535, 100_000).map((size) => settingsOf([4, size])),
  fc.constant(frame(FRAME.ping, 0, 0, "12345678")),
  id.map((stream) => headers(stream, ["x-trailer", "1"], true)),
  id.map((stream) => headers(stream, [...POST, "content-length", "4"])),
  id.map((stream) =>
    Buffer.concat([
      frame(FRAME.headers, FLAG.endStream, stream, block(...GET.slice(0, 4))),
      frame(FRAME.continuation, FLAG.endHeaders, stream, block(...GET.slice(4))),
    ]),
  ),
);
const arbitrary = fc
  .record({ type: fc.nat(10), flags: fc.nat(255), stream: id, payload: fc.uint8Array({ maxLength: 20 }) })
  .map(({ type, flags, stream, payload }) => frame(type, flags, stream, payload));
const conversation = fc
  .array(fc.oneof({ weight: 8, arbitrary: sensible }, { weight: 1, arbitrary }), { maxLength: 14 })
  .map((frames) => Buffer.concat([PREFACE, SETTINGS, ...frames]));

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % bytes.length))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, i) => bytes.subarray(from, sorted[i] ?? bytes.length));
}

/** What the owner was told, stream by stream, and the frames that came back, whose order depends on when a turn ended. */
async function replay(parts: readonly Buffer[]): Promise<{ events: string[]; frames: string[] }> {
  const client = new RawClient();
  for (const part of parts) if (part.length > 0) client.transport.write(part);
  const frames = await client.send();
  client.transport.terminate();
  await settle();
  expect(client.server.active).toBe(0);
  expect(client.server.buffered).toBe(0);
  expect(client.events.at(-1)).toBe("closed");
  // Of a body that does not become whole, how much was delivered before that was known is the split's.
  const reset = new Set(client.events.flatMap((line) => /^(#\d+) reset /.exec(line)?.[1] ?? []));
  const events = client.events.filter((line) => !reset.has(/^(#\d+) data/.exec(line)?.[1] ?? ""));
  return { events: events.sort(), frames: frames.sort() };
}

test(
  "any split gives the same events and answers",
  async () => {
    await fc.assert(
      fc.asyncProperty(conversation, fc.array(fc.nat(), { maxLength: 30 }), async (bytes, places) => {
        const whole = await replay([bytes]);
        expect(await replay(cut(bytes, places))).toEqual(whole);
        expect(await replay(cut(bytes, [...bytes.keys()]))).toEqual(whole);
      }),
      { numRuns: runs(250) },
    );
  },
  timeLimitMs(30_000),
);
