import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { relay } from "./relay.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-relay-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("megabytes pass both ways, and the end of each direction", async () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => new Response(await request.arrayBuffer()),
  });
  const path = join(folder, "echo.sock");
  const running = relay(path, { host: "127.0.0.1", port: server.port! });
  try {
    const body = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef");
    const response = await fetch("http://anything/", {
      method: "POST",
      body,
      unix: path,
      signal: AbortSignal.timeout(10_000),
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  } finally {
    running.stop();
    await server.stop(true);
  }
  expect(existsSync(path)).toBe(false);
});

test("who sends and ends gets all of the answer", async () => {
  const size = 4 * 1024 * 1024;
  const answer = Buffer.alloc(size, "x");
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      data() {},
      end: (socket) => write(socket),
      drain: (socket) => write(socket),
    },
  } as Bun.TCPSocketListenOptions<undefined>);
  let sent = 0;
  function write(socket: Bun.Socket<undefined>): void {
    sent += Math.max(0, socket.write(answer.subarray(sent)));
    if (sent === size) socket.end();
  }
  const path = join(folder, "half.sock");
  const running = relay(path, { host: "127.0.0.1", port: server.port });
  try {
    let received = 0;
    const closed = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      unix: path,
      allowHalfOpen: true,
      socket: {
        data(_, chunk) {
          received += chunk.length;
        },
        end: () => closed.resolve(),
        close: () => closed.resolve(),
      },
    } as Bun.UnixSocketOptions<undefined>);
    socket.write("question");
    socket.shutdown();
    await closed.promise;
    expect(received).toBe(size);
  } finally {
    running.stop();
    server.stop(true);
  }
});

test("a target that refuses closes the connection", async () => {
  const path = join(folder, "refused.sock");
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = taken;
  taken.stop(true);
  const running = relay(path, { host: "127.0.0.1", port });
  try {
    await expect(fetch("http://anything/", { unix: path, signal: AbortSignal.timeout(5_000) })).rejects.toThrow();
  } finally {
    running.stop();
  }
});
