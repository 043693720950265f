// The load generators that are processes of the benchmark's own, against servers that answer, stand still or refuse.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { Lab } from "./lab.ts";
import { runRate } from "./rate.ts";

const LINUX = process.platform === "linux";
let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.close());

/** Serves with `fetch` for the time of `use`. */
async function serving<T>(fetch: () => Response | Promise<Response>, use: (port: number) => Promise<T>): Promise<T> {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  try {
    return await use(server.port ?? 0);
  } finally {
    server.stop(true);
  }
}

test.skipIf(!LINUX)("a constant rate is as many requests as it says, each answered once", async () => {
  let served = 0;
  const rate = (port: number) => runRate(lab, { port, path: "/", connections: 3, perSecond: 200 }, 0.5);
  const result = await serving(() => {
    served++;
    return new Response("here");
  }, rate);
  expect(result).toMatchObject({ requests: 100, errors: 0 });
  expect(served).toBe(100);
  expect(result.p50Us).toBeLessThanOrEqual(result.p99Us);
  expect(result.p99Us).toBeLessThanOrEqual(result.maxUs);
});

test.skipIf(!LINUX)("a stall is seen by every request that was due in it, not by one a connection", async () => {
  let stalled = false;
  const fetch = async (): Promise<Response> => {
    if (!stalled) {
      stalled = true;
      Bun.sleepSync(200);
    }
    return new Response("here");
  };
  const result = await serving(fetch, (port) => runRate(lab, { port, path: "/", connections: 1, perSecond: 100 }, 0.5));
  expect(result.errors).toBe(0);
  // 20 of 50 were due while nothing was answered: the median of one that waits for answers would show none of it.
  expect(result.maxUs).toBeGreaterThan(190_000);
  expect(result.p99Us).toBeGreaterThan(100_000);
});

test.skipIf(!LINUX)("an answer that is none of 2xx is an error, not a request", async () => {
  const refuse = () => new Response("no", { status: 503 });
  const result = await serving(refuse, (port) =>
    runRate(lab, { port, path: "/", connections: 2, perSecond: 100 }, 0.1),
  );
  expect(result).toMatchObject({ requests: 0, errors: 10 });
});

test.skipIf(!LINUX)("idle connections are open, and stay", async () => {
  const output = join(lab.folder, "connections.json");
  await serving(
    () => new Response("here"),
    async (port) => {
      const script = join(import.meta.dir, "idle-connections.ts");
      const client = lab.start("connections", [process.execPath, script, String(port), "100", "/"], {
        core: "client",
        output,
      });
      while ((await Bun.file(output).text()) === "") await Bun.sleep(5);
      expect(JSON.parse(await Bun.file(output).text())).toEqual({ open: 100, errors: 0 });
      expect(client.exitCode).toBeNull();
    },
  );
});
