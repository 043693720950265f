// A listener that is removed: who is served still, and who comes too late.

import { afterAll, expect } from "bun:test";
import { connectRaw, type RawPeer } from "../../../src/proxy/raw-peer-fixture.ts";
import { DIRECT } from "./configuration.ts";
import { extension, httpManager, type Message, socketAddress } from "./message.ts";
import { type Traffic, traffic } from "./traffic.ts";

const HTTP_INSPECTOR = extension("http_inspector", "extensions.filters.listener.http_inspector.v3.HttpInspector");
/** Admin of both proxies names it. */
const NAME = "visitors";
const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
/** A proxy that is one turn behind accepts within that. */
const ACCEPTED_MS = 100;

const clients: RawPeer[] = [];
afterAll(() => {
  for (const client of clients) client.reset();
});

function visitors(listener_filters: Message[]): Message {
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "served" } } }];
  const filter = httpManager({ route_config: { name: NAME, virtual_hosts: [{ name: NAME, domains: ["*"], routes }] } });
  return { name: NAME, address: socketAddress(0), listener_filters, filter_chains: [{ filters: [filter] }] };
}

const inspected = { legs: DIRECT, resources: { lds: [visitors([HTTP_INSPECTOR])] } };

async function visit({ process }: Traffic): Promise<RawPeer> {
  const client = await connectRaw((await process.place(NAME)).port);
  clients.push(client);
  return client;
}

traffic("who was accepted is served, though it has not spoken when the listener goes", inspected, async (given) => {
  const client = await visit(given);
  await Bun.sleep(ACCEPTED_MS);
  await given.update({});
  client.send(GET);
  await client.hears("served");
  await client.isClosed();
  expect(client.text).toStartWith("HTTP/1.1 200 ");
});
