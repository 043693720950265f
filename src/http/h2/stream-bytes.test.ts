// Bytes of a stream are those of its frames, heads included (Envoy: ConnectionImpl::onFrameSend, onBeginData).

import { expect, test } from "bun:test";
import { settle } from "../memory-transport.ts";
import { RequestHead, ResponseHead } from "../stream.ts";
import { STREAM_CONTROL_BYTES } from "./control-frames.ts";
import { FLAG, FRAME, FRAME_HEAD_BYTES } from "./frame.ts";
import { block, data, frame, headers, POST, RawClient, RawServer, uint32 } from "./raw-peer.ts";

const LONG = "v".repeat(20_000);

/** What a peer sends: a block in two frames, padded data, an end of its own, trailers. */
function message(fields: readonly string[]): { readonly heads: readonly Buffer[]; readonly body: readonly Buffer[] } {
  const whole = block(...fields);
  return {
    heads: [
      frame(FRAME.headers, FLAG.none, 1, whole.subarray(0, 5)),
      frame(FRAME.continuation, FLAG.endHeaders, 1, whole.subarray(5)),
      frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, block("x-sum", "9")),
    ],
    body: [data(1, "abc"), frame(FRAME.data, FLAG.padded, 1, "\x02def\0\0")],
  };
}

function lengthOf(frames: readonly Buffer[]): number {
  return frames.reduce((sum, { length }) => sum + length, 0);
}

/** Lengths of a peer's frames of stream 1. */
function sentFrames(bytes: Buffer): { readonly heads: number; readonly all: number } {
  let heads = 0;
  let all = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
    const type = bytes[at + 3];
    if (bytes.readUInt32BE(at + 5) === 1) {
      all += length;
      if (type === FRAME.headers || type === FRAME.continuation) heads += length;
    }
    at += length;
  }
  return { heads, all };
}

test("of a request: what came and what went", async () => {
  const client = await RawClient.open();
  const { heads, body } = message([...POST, "x-a", "1"]);
  client.transport.write(Buffer.concat([heads[0]!, heads[1]!, ...body, heads[2]!]));
  await settle();
  const stream = client.streams[0]!;
  client.transport.take();
  stream.respond(new ResponseHead(200, ["x-long", LONG], -1), false);
  stream.write(Buffer.from("hello"));
  await settle();
  stream.end(["x-sum", "1"]);
  await settle();
  const sent = sentFrames(client.transport.take());
  expect(sent.heads).toBeGreaterThan(LONG.length / 2);
  expect(stream).toMatchObject({
    wireReceived: lengthOf(heads) + lengthOf(body),
    headerReceived: lengthOf(heads),
    wireSent: sent.all,
    headerSent: sent.heads,
  });
});

test("of a response: what went and what came, an end of its own included", async () => {
  const server = await RawServer.open();
  const head = new RequestHead("POST", "http", "a.test", "/", ["x-long", LONG], "HTTP/2", -1, undefined);
  const stream = server.client.request(head, false, server.recorder("a"));
  stream.write(Buffer.from("hello"));
  await settle();
  stream.end();
  await settle();
  const sent = sentFrames(server.transport.take());
  const { heads, body } = message([":status", "200"]);
  await server.send(heads[0]!, heads[1]!, ...body, heads[2]!);
  expect(sent.all - sent.heads).toBe(2 * FRAME_HEAD_BYTES + "hello".length);
  expect(stream).toMatchObject({
    wireReceived: lengthOf(heads) + lengthOf(body),
    headerReceived: lengthOf(heads),
    wireSent: sent.all,
    headerSent: sent.heads,
  });
});

test("of what a stream says beside its message", async () => {
  const client = await RawClient.open({ streamWindowBytes: 65_535 });
  const head = headers(1, POST);
  const chunk = data(1, "x".repeat(10_000));
  const reset = frame(FRAME.rstStream, FLAG.none, 1, uint32(0));
  client.transport.take();
  client.transport.write(Buffer.concat([head, chunk, chunk, chunk, chunk]));
  await settle();
  const stream = client.streams[0]!;
  const sent = sentFrames(client.transport.take());
  expect(sent).toEqual({ heads: 0, all: STREAM_CONTROL_BYTES });
  await client.send(reset);
  expect(stream).toMatchObject({
    wireSent: sent.all,
    wireReceived: head.length + 4 * chunk.length + reset.length,
  });

  client.transport.write(headers(3, POST));
  await settle();
  client.streams[1]!.reset("cancelled");
  await settle();
  expect(client.streams[1]!.wireSent).toBe(STREAM_CONTROL_BYTES);
});
