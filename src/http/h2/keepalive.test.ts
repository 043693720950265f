// A peer that answers PINGs is left alone; one that says nothing is given up, whichever end it is.

import { expect, test } from "bun:test";
import { RequestHead } from "../stream.ts";
import { FLAG, FRAME } from "./frame.ts";
import { KEEPALIVE_PING } from "./keepalive.ts";
import { data, frame, GET, headers, POST, RawClient, RawServer } from "./raw-peer.ts";

const QUICK = { keepaliveIntervalMs: 20, keepaliveTimeoutMs: 60 };
/** Where nobody is to be given up: a busy machine may take a tenth of a second for anything. */
const PATIENT = { keepaliveIntervalMs: 20, keepaliveTimeoutMs: 500 };
const ANSWER = frame(FRAME.ping, FLAG.ack, 0, KEEPALIVE_PING);
const DEADLINE_MS = 3_000;

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await Bun.sleep(5);
  }
}

test("a server gives up a client that says nothing, and tells its streams", async () => {
  const client = await RawClient.open(QUICK);
  await client.send(headers(1, POST));
  await until("closed", () => client.events.at(-1) === "closed");
  expect(client.events).toEqual(["#0 POST http://a.test/", "#0 reset closed", "closed"]);
  expect(await client.send()).toContain("ping");
});

test("a client gives up a server that says nothing, and tells its streams", async () => {
  const server = await RawServer.open(QUICK);
  const head = new RequestHead("GET", "http", "a.test", "/", [], "HTTP/2", -1, undefined);
  server.client.request(head, true, server.recorder("r"));
  await until("closed", () => server.events.at(-1) === "closed");
  expect(server.events).toContain("r reset closed");
});

test("who answers is asked again and again, and keeps the connection", async () => {
  const client = await RawClient.open(PATIENT);
  let pings = 0;
  await until("five PINGs", async () => {
    const asked = (await client.send()).filter((line) => line === "ping").length;
    pings += asked;
    if (asked > 0) await client.send(ANSWER);
    return pings >= 5;
  });
  expect(client.transport.closed).toBe(false);
  expect(await client.send(headers(1, GET, true))).toEqual([]);
  expect(client.events).toEqual(["#0 GET http://a.test/ end"]);
});

test("bytes count as a sign of life while the answer is on its way", async () => {
  const client = await RawClient.open(PATIENT);
  await client.send(headers(1, POST));
  await until("a PING", async () => (await client.send()).includes("ping"));
  // Longer than the time-out in all, and never that long without a byte.
  for (let i = 0; i < 12; i++) {
    await client.send(data(1, "x"));
    await Bun.sleep(60);
  }
  expect(client.transport.closed).toBe(false);
});

test("the answer to a keepalive's PING does not end a drain", async () => {
  const client = await RawClient.open({ keepaliveIntervalMs: 20, keepaliveTimeoutMs: 2_000 });
  await until("a PING", async () => (await client.send()).includes("ping"));
  client.server.shutdown();
  const lines = await client.send(ANSWER);
  expect(lines.filter((line) => line.startsWith("goaway"))).toHaveLength(1);
  expect(client.transport.closed).toBe(false);
});

test("it is off unless it is asked for", async () => {
  const client = await RawClient.open();
  await Bun.sleep(60);
  expect(await client.send()).not.toContain("ping");
});
