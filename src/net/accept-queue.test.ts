import { expect, test } from "bun:test";
import { acceptRest, sameSocket } from "./accept-queue.ts";
import { listen } from "./listen.ts";
import type { SocketTransport } from "./socket.ts";

const HOST = "127.0.0.1";

/** On loopback the handshake is over when connect(2) returns: the connection is in the queue, and nobody accepts before the turn is over. */
function connects(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = {
    data: (_: unknown, chunk: Buffer) => resolve(chunk.toString("latin1")),
    close: () => resolve("closed"),
    error() {},
  };
  Bun.connect({ hostname: HOST, port, socket }).then(
    (client) => client.write("hello"),
    (error: { code?: string }) => resolve(error.code ?? ""),
  );
  return promise;
}

function echoing(transport: SocketTransport): void {
  transport.listener = {
    receive: (chunk) => void transport.write(chunk),
    drained() {},
    ended: () => transport.end(),
    closed() {},
  };
}

const listening = (accept = echoing) => listen({ kind: "tcp", host: HOST, port: 0 }, undefined, accept);

test("who waits is reset by a socket that stops, and served by one that accepts the rest", async () => {
  const [abrupt, gentle] = [listening(), listening()];
  const [lost, served] = [connects(abrupt.port), connects(gentle.port)];
  abrupt.stop();
  gentle.stopAfterRest();
  expect(await lost).not.toBe("hello");
  expect(await served).toBe("hello");
  expect(await connects(gentle.port)).toBe("ECONNREFUSED");
});

test("once the rest is accepted, nobody gets into the queue who would be reset", async () => {
  const server = listening();
  const { port, descriptor } = server;
  acceptRest(descriptor, () => {});
  const late = connects(port);
  let accepted = 0;
  acceptRest(descriptor, () => accepted++);
  server.stop();
  expect(accepted).toBe(0);
  expect(await late).toBe("ECONNREFUSED");
});

test("the same socket under another descriptor goes on with the queue", async () => {
  const first = listening();
  const { port } = first;
  const waiting = connects(port);
  const fd = sameSocket(first.descriptor);
  if (fd === undefined) throw new Error("no descriptor is left");
  const second = listen({ kind: "inherited", fd, port }, undefined, echoing);
  first.stop();
  expect(await waiting).toBe("hello");
  expect(await connects(port)).toBe("hello");
  second.stop();
});
