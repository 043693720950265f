import { afterEach, expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { TestEnvoy } from "../proxy/envoy-fixture.ts";
import { httpFilter, listener, routeTo, staticCluster } from "../proxy/proxy-fixture.ts";
import { answering, connectRaw } from "../proxy/raw-peer-fixture.ts";
import { drainProxy } from "./proxy-drain.ts";

const ENVOY = findComponent("envoy");
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

test.skipIf(!ENVOY)("an Envoy has drained when its last client is gone, or when the time is over", async () => {
  const application = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  const filter = httpFilter({ name: "http", routes: [routeTo("upstream")], filters: [], log: "/dev/null" });
  const envoy = new TestEnvoy(ENVOY!, {
    listeners: [listener("http", filter, { filter_chains: [{ filters: [filter] }] })],
    clusters: [staticCluster("upstream", [application.port])],
  });
  open.push(application, envoy);
  const client = await connectRaw(await envoy.port());
  const fetched = async (url: string, init: RequestInit) =>
    new Response(await envoy.admin(new URL(url).pathname + new URL(url).search, init));
  const drained = (deadline: AbortSignal, atLeastMs = 0) =>
    drainProxy({ admin: "http://envoy", fetch: fetched }, { atLeastMs, closes: false, deadline });

  const over = new AbortController();
  let ended = false;
  const waiting = drained(over.signal).then(() => {
    ended = true;
  });
  await Bun.sleep(200);
  expect(ended).toBe(false);
  over.abort();
  await waiting;

  const last = drained(new AbortController().signal);
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await client.hears("200 OK");
  client.end();
  await last;

  const atLeast = new AbortController();
  ended = false;
  const idle = drained(atLeast.signal, 60_000).then(() => {
    ended = true;
  });
  await Bun.sleep(200);
  expect(ended).toBe(false);
  atLeast.abort();
  await idle;
});

test("an answer that fails is asked for again, and given up after five", async () => {
  const asked = async (failures: number) => {
    const paths: string[] = [];
    const fetch = async (url: string) => {
      paths.push(new URL(url).pathname);
      if (url.includes("/stats") && paths.length - 1 <= failures) throw new Error("busy");
      return Response.json({ stats: [{ name: "listener.a.downstream_cx_active", value: 0 }] });
    };
    const deadline = AbortSignal.timeout(10_000);
    await drainProxy({ admin: "http://proxy", fetch }, { atLeastMs: 0, closes: false, deadline });
    expect(deadline.aborted).toBe(false);
    expect(paths[0]).toBe("/drain_listeners");
    return paths.length - 1;
  };
  expect([await asked(0), await asked(4), await asked(9)]).toEqual([1, 5, 5]);
});
