// A client that vanishes in the middle of a call is noticed: its call is cancelled, its connection is gone.

import { afterEach, expect, test } from "bun:test";
import { ClientCall } from "./client.ts";
import { type GrpcListener, listenGrpc } from "./listen.ts";
import { GrpcService } from "./server.ts";
import { connectTo } from "./test-wire.ts";

const open: { stop(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.stop();
});

function listening(cancelled: () => void): GrpcListener {
  const service = new GrpcService({
    "/t.T/Watch": (call) => {
      call.send(Buffer.from("here"));
      return { onMessage() {}, onEnd() {}, onCancel: cancelled };
    },
  });
  const peerOf = () => ({ principal: "", address: "" });
  const keepalive = { keepaliveIntervalMs: 20, keepaliveTimeoutMs: 60 };
  const listener = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, peerOf, keepalive);
  open.push(listener);
  return listener;
}

/** Hands bytes between a client and the server until it is told to swallow them. */
function pipeTo(port: number): { readonly port: number; swallow(): void; stop(): void } {
  let swallowing = false;
  const far = new Map<object, { write(bytes: Buffer): number }>();
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      async open(near) {
        near.pause();
        const other = await Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: { data: (_, bytes) => void (swallowing || near.write(bytes)) },
        });
        far.set(near, other);
        near.resume();
      },
      data: (near, bytes) => void (swallowing || far.get(near)?.write(bytes)),
    },
  });
  return {
    port: server.port,
    swallow: () => {
      swallowing = true;
    },
    stop: () => server.stop(true),
  };
}

test("a call whose client stops answering is cancelled", async () => {
  const cancelled = Promise.withResolvers<void>();
  const pipe = pipeTo(listening(cancelled.resolve).port);
  open.push(pipe);
  const said = Promise.withResolvers<string>();
  const connection = await connectTo(pipe.port);
  new ClientCall(
    connection,
    "/t.T/Watch",
    { authority: "t" },
    {
      onMessage: (message) => said.resolve(message.toString()),
      onWritable() {},
      onStatus() {},
    },
  );
  expect(await said.promise).toBe("here");
  pipe.swallow();
  await cancelled.promise;
  connection.shutdown();
});

test("a call whose client answers lives on", async () => {
  let cancelled = false;
  const listener = listening(() => {
    cancelled = true;
  });
  const connection = await connectTo(listener.port);
  new ClientCall(connection, "/t.T/Watch", { authority: "t" }, { onMessage() {}, onWritable() {}, onStatus() {} });
  await Bun.sleep(300); // several intervals and time-outs
  expect(cancelled).toBe(false);
  connection.shutdown();
});
