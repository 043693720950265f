import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Lab } from "./lab.ts";
import type { LoadResult } from "./measurement.ts";
import { BODY_BYTES, makeBody } from "./tcp-body.ts";

const LINUX = process.platform === "linux";
let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.close());

async function load(port: number, connections: number): Promise<LoadResult> {
  const command = [process.execPath, join(import.meta.dir, "tcp-load.ts"), String(port), String(connections), "0.1"];
  return JSON.parse(await lab.output(command));
}

/** Runs the load against a server that answers every question with `body`, right or wrong. */
async function loadAgainst(body: Uint8Array): Promise<LoadResult> {
  const send = (socket: Bun.Socket<{ left: number }>): void => {
    while (socket.data.left > 0) {
      const written = socket.write(body, body.length - socket.data.left);
      if (written <= 0) return;
      socket.data.left -= written;
    }
  };
  const server = Bun.listen<{ left: number }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.data = { left: body.length };
        send(socket);
      },
      drain: send,
    },
  });
  try {
    return await load(server.port, 2);
  } finally {
    server.stop(true);
  }
}

test.skipIf(!LINUX)("the load generator counts whole bodies of the backend", async () => {
  const [port = 0, ready = 0] = lab.ports(2);
  const script = join(import.meta.dir, "tcp-backend.ts");
  const child = lab.start("backend", [process.execPath, script, String(port), String(ready)], { core: "client" });
  await lab.ready("backend", child, `http://127.0.0.1:${ready}/`);
  const { requests, errors, p50Us, p99Us } = await load(port, 4);
  expect(errors).toBe(0);
  expect(requests).toBeGreaterThanOrEqual(4);
  expect(p99Us).toBeGreaterThanOrEqual(p50Us);
});

test.skipIf(!LINUX)("a byte too many or a lost mark is an error of each connection, not a request", async () => {
  const long = new Uint8Array(BODY_BYTES + 1).fill(0x0a);
  expect(await loadAgainst(long)).toMatchObject({ requests: 0, errors: 2 });
  expect(await loadAgainst(makeBody().fill(0x2e))).toMatchObject({ requests: 0, errors: 2 });
});

test.skipIf(!LINUX)("a connection that nobody takes is an error", async () => {
  const [port = 0] = lab.ports(1);
  expect(await load(port, 3)).toMatchObject({ requests: 0, errors: 3 });
});

test.skipIf(!LINUX)("a program that ends instead of serving is reported with what it printed", async () => {
  const child = lab.start("broken", ["sh", "-c", "echo cannot bind >&2; exit 3"], { core: "proxy" });
  await expect(lab.ready("broken", child, "http://127.0.0.1:1/")).rejects.toThrow(
    "broken did not become ready: cannot bind",
  );
});

test.skipIf(!LINUX)("closing the lab ends its processes and removes its folder", async () => {
  const child = lab.start("sleeper", ["sleep", "60"], { core: "client" });
  lab.close();
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  expect(existsSync(lab.folder)).toBe(false);
});
