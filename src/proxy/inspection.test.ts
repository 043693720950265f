import { afterEach, expect, test } from "bun:test";
import { NOBODY } from "../net/byte-stream.ts";
import { type ListeningSocket, listen } from "../net/listen.ts";
import { encodeProxyV1 } from "../net/proxy-protocol.ts";
import type { SocketTransport } from "../net/socket.ts";
import type { Inspection } from "../table/listener-filter.ts";
import { PeekingInspection, ReadingInspection } from "./inspection.ts";
import { connectRaw, type RawPeer, until } from "./raw-peer-fixture.ts";
import type { Inspected } from "./sniff.ts";

const ALL: Inspection = {
  proxyProtocol: undefined,
  tls: { disabled: undefined },
  http: { disabled: undefined },
  timeoutMs: 0,
  continueOnTimeout: false,
};
const GET = "GET / HTTP/1.1\r\n";

interface Seen {
  readonly transport: SocketTransport;
  readonly inspected: Inspected | undefined;
  readonly refused: string | undefined;
  /** Bytes read during the inspection, and then from the stream. */
  text: string;
}

const doors: ListeningSocket[] = [];
const clients: RawPeer[] = [];

afterEach(() => {
  for (const door of doors.splice(0)) door.stop();
  for (const client of clients.splice(0)) client.reset();
});

/** What the inspection of each connection came to, in the order in which they came to it. */
function inspecting(how: "reading" | "peeking", inspection: Inspection): { port: number; seen: Seen[] } {
  const seen: Seen[] = [];
  const door = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, (transport) => {
    const Kind = how === "reading" ? ReadingInspection : PeekingInspection;
    new Kind(transport, inspection, transport.local.port, {
      onInspected(inspected, first) {
        const one: Seen = { transport, inspected, refused: undefined, text: first?.toString("latin1") ?? "" };
        seen.push(one);
        transport.listener = { ...NOBODY, receive: (chunk) => (one.text += Buffer.from(chunk).toString("latin1")) };
        transport.resume();
      },
      onRefused: (refused) => void seen.push({ transport, inspected: undefined, refused, text: "" }),
    });
  });
  doors.push(door);
  return { port: door.port, seen };
}

async function client(port: number): Promise<RawPeer> {
  const peer = await connectRaw(port);
  clients.push(peer);
  return peer;
}

for (const how of ["reading", "peeking"] as const) {
  test(`${how}: byte by byte, and none is lost`, async () => {
    const { port, seen } = inspecting(how, ALL);
    const peer = await client(port);
    for (const letter of GET) {
      expect(seen).toHaveLength(0);
      peer.send(letter);
      await Bun.sleep(1);
    }
    await until("it is known", () => seen.length === 1);
    expect(seen[0]!.inspected!.sniffed.applicationProtocols).toEqual(["http/1.1"]);
    peer.send("more");
    await until("all bytes", () => seen[0]!.text === `${GET}more`);
  });

  test(`${how}: a header is taken off, and it alone`, async () => {
    const header = encodeProxyV1({ address: "10.0.0.1", port: 1 }, { address: "10.0.0.2", port: 2 });
    const filter = { optional: false, versions: { v1: true, v2: true }, disabled: undefined };
    const { port, seen } = inspecting(how, { ...ALL, proxyProtocol: filter });
    const peer = await client(port);
    peer.send(Buffer.concat([header, Buffer.from(GET)]));
    await until("the rest", () => seen[0]?.text === GET);
    expect(seen[0]!.inspected!.proxied!.addresses!.source).toEqual({ address: "10.0.0.1", port: 1 });
  });

  test(`${how}: many at once, each with its own bytes`, async () => {
    const { port, seen } = inspecting(how, ALL);
    const peers = await Promise.all(Array.from({ length: 200 }, () => client(port)));
    for (const [i, peer] of peers.entries()) peer.send(`${i} is no method\r\n`);
    await until("all are known", () => seen.length === peers.length && seen.every(({ text }) => text.endsWith("\r\n")));
    expect(new Set(seen.map(({ text }) => text)).size).toBe(peers.length);
  });

  test(`${how}: who goes without a word is told of once, with an end or a reset`, async () => {
    const { port, seen } = inspecting(how, ALL);
    const [ends, resets, halfway] = [await client(port), await client(port), await client(port)];
    ends.end();
    resets.reset();
    await until("both are refused", () => seen.filter(({ refused }) => refused !== undefined).length === 2);
    halfway.send("GE");
    halfway.end();
    await until("bytes that are no request are bytes", () => seen.length === 3);
    expect(seen[2]!.inspected!.sniffed.transport).toBe("raw_buffer");
    await until("they are there", () => seen[2]!.text === "GE");
  });

  test(`${how}: a descriptor that is used again is another connection's`, async () => {
    const { port, seen } = inspecting(how, ALL);
    for (let i = 0; i < 20; i++) {
      const gone = await client(port);
      gone.reset();
      await until("it is gone", () => seen.length === 2 * i + 1);
      const next = await client(port);
      next.send(`${GET}${i}`);
      await until("the next is known", () => seen.length === 2 * i + 2 && seen.at(-1)!.text === `${GET}${i}`);
      seen.at(-1)!.transport.terminate();
    }
  });
}

test.each([true, false])("after the time-out: goes on is %p", async (continueOnTimeout) => {
  for (const how of ["reading", "peeking"] as const) {
    const { port, seen } = inspecting(how, { ...ALL, timeoutMs: 50, continueOnTimeout });
    const peer = await client(port);
    peer.send("GE");
    await until("the time-out", () => seen.length === 1);
    expect(seen[0]!.refused === undefined).toBe(continueOnTimeout);
    if (continueOnTimeout) await until("what was sent", () => seen[0]!.text === "GE");
  }
});
