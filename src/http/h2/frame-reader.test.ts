import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { settle } from "../memory-transport.ts";
import { RequestHead } from "../stream.ts";
import { FLAG, FRAME, MAX_FRAME_BYTES, PREFACE } from "./frame.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import {
  block,
  data,
  frame,
  GET,
  headers,
  POST,
  RawClient,
  RawServer,
  rst,
  SETTINGS,
  settingsOf,
  uint32,
  windowUpdate,
} from "./raw-peer.ts";

/** Frames as one line each, however their bytes were split. */
class FrameRecorder implements FrameSink {
  readonly lines: string[] = [];
  readonly reader = new FrameReader(this);
  constructor() {
    this.reader.allow(MAX_FRAME_BYTES);
  }
  #data = "";

  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    this.lines.push(`${type} ${flags} ${streamId} ${bytes.toString("hex", start, end)}`);
  }
  onDataBegin(flags: number, streamId: number, length: number): void {
    this.#data = `0 ${flags} ${streamId} of ${length}: `;
  }
  onDataPart(bytes: Buffer, start: number, end: number): void {
    this.#data += bytes.toString("latin1", start, end);
  }
  onDataEnd(): void {
    this.lines.push(this.#data);
  }
  onBadFrame(kind: string): void {
    this.lines.push(kind);
    this.reader.stop();
  }
}

/** `bytes` cut at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

const LONG = frame(FRAME.ping, 0, 0, Buffer.alloc(40_000, "x"));
const OVERSIZED = frame(FRAME.ping, 0, 0, Buffer.alloc(MAX_FRAME_BYTES + 1)).subarray(0, 20);

test("frames come out the same however their bytes are split", () => {
  const anyFrame = fc.oneof(
    fc
      .record({
        type: fc.integer({ min: 0, max: 12 }),
        flags: fc.constantFrom(0, 1, 4),
        id: fc.nat(9),
        payload: fc.uint8Array({ maxLength: 40 }),
      })
      .map(({ type, flags, id, payload }) => frame(type, flags, id, payload)),
    fc
      .record({ padding: fc.nat(9), text: fc.string({ maxLength: 20 }) })
      .map(({ padding, text }) =>
        frame(
          FRAME.data,
          FLAG.padded,
          1,
          Buffer.concat([Buffer.from([padding]), Buffer.from(text), Buffer.alloc(padding)]),
        ),
      ),
    fc.constantFrom(frame(FRAME.data, FLAG.padded, 1), frame(FRAME.data, FLAG.padded, 1, "\x09abc"), LONG, OVERSIZED),
  );
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, places) => {
      const whole = Buffer.concat(frames);
      const once = new FrameRecorder();
      once.reader.read(whole);
      const split = new FrameRecorder();
      for (const part of cut(whole, places)) split.reader.read(part);
      expect(split.lines).toEqual(once.lines);
    }),
    { numRuns: 500 },
  );
});

describe("a connection", () => {
  const conversation = Buffer.concat([
    PREFACE,
    settingsOf([4, 100], [1, 100]),
    headers(1, [...POST, "content-length", "7", "cookie", "a=1", "cookie", "b=2"]),
    data(1, "abc"),
    windowUpdate(1, 50),
    frame(FRAME.headers, FLAG.endStream, 3, block(...GET).subarray(0, 12)),
    frame(FRAME.continuation, FLAG.endHeaders, 3, block(...GET).subarray(12)),
    frame(FRAME.data, FLAG.padded, 1, "\x02defg\0\0"),
    headers(1, ["x-sum", "1"], true),
    frame(FRAME.ping, 0, 0, "12345678"),
    headers(5, POST),
    rst(5, 8),
    headers(7, [...GET, "connection", "close"], true),
    frame(FRAME.priority, 0, 9, Buffer.concat([uint32(1), Buffer.from([9])])),
    headers(9, POST),
    data(9, "x".repeat(300), true),
  ]);

  async function replay(parts: readonly Buffer[]): Promise<[events: string[], frames: string[]]> {
    const client = new RawClient();
    client.onStream = (stream) => setImmediate(() => stream.inform(103, []));
    for (const part of parts) client.transport.write(part);
    const frames = await client.send();
    return [client.events, frames.sort()];
  }

  test("tells its owner the same, and answers the same, however the bytes are split", async () => {
    const expected = await replay([conversation]);
    expect(expected[0].length).toBeGreaterThan(9);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), async (places) => {
        expect(await replay(cut(conversation, places))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
    expect(await replay(cut(conversation, Array.from(conversation.keys())))).toEqual(expected);
  });

  test("survives random bytes, with and without a good beginning", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, greeted) => {
        const client = new RawClient();
        await client.send(...(greeted ? [PREFACE, SETTINGS, headers(1, POST)] : []), bytes);
        client.transport.terminate();
        await settle();
        expect(client.events.at(-1)).toBe("closed");
        expect(client.server.active).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("survives frames with random contents", async () => {
    const anyFrame = fc
      .record({ type: fc.nat(10), flags: fc.nat(255), id: fc.nat(7), payload: fc.uint8Array({ maxLength: 30 }) })
      .map(({ type, flags, id, payload }) => frame(type, flags, id, payload));
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 20 }), async (frames) => {
        const client = await RawClient.open();
        await client.send(headers(1, POST), ...frames);
        client.transport.terminate();
        await settle();
        expect(client.events.at(-1)).toBe("closed");
        expect(client.server.active).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("of a client survives random contents too, and every request comes to an end", async () => {
    const anyFrame = fc.oneof(
      fc
        .record({ type: fc.nat(10), flags: fc.nat(255), id: fc.nat(7), payload: fc.uint8Array({ maxLength: 30 }) })
        .map(({ type, flags, id, payload }) => frame(type, flags, id, payload)),
      fc.constantFrom(headers(1, [":status", "200"]), data(1, "x"), headers(3, [":status", "204"], true), rst(1, 7)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 20 }), async (frames) => {
        const server = new RawServer();
        for (const name of ["a", "b"]) {
          const head = new RequestHead("GET", "http", "a.test", "/", [], "HTTP/1.1", -1, undefined);
          server.client.request(head, true, server.recorder(name));
        }
        await server.send(SETTINGS, ...frames);
        server.transport.terminate();
        await settle();
        for (const name of ["a", "b"]) {
          const ends = server.events.filter(
            (line) => line.startsWith(`${name} `) && / (?:end|reset \w+)(?: |$)/.test(line),
          );
          expect(ends.length).toBe(1);
        }
        expect(server.events.at(-1)).toBe("closed");
        expect(server.client.active).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
