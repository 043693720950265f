// The DNS proxy over real sockets: UDP, TCP, and what is not DNS.

import { afterEach, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { until } from "../../base/until-fixture.ts";
import { NameTableSchema } from "../../xds/gen/istio/networking/nds/v1/nds_pb.ts";
import { askOverTcp, askOverUdp } from "./ask.ts";
import { type Forwarded, Forwarder } from "./forwarder.ts";
import { MeshNames } from "./mesh-names.ts";
import { decodeMessage, encodeMessage, FLAG, type Message, optRecord, RCODE, rcodeOf, TYPE } from "./message.ts";
import { nameOf } from "./name.ts";
import { DnsProxy } from "./proxy.ts";
import { type ServedDns, serveDns } from "./serve.ts";
import { writeMessage } from "./tcp-frame.ts";

const web = { ips: ["240.240.0.2"], registry: "Kubernetes", shortname: "web", namespace: "default", altHosts: [] };
const NAMES = new MeshNames(
  create(NameTableSchema, { table: { "web.default.svc.cluster.local": web } } as never),
  "default",
  true,
);

/** Known from the start, to the workload's proxy, too. */
const FIXED = new MeshNames(create(NameTableSchema), "default", true, [
  { name: "host.heddle.internal", addresses: [Uint8Array.of(10, 231, 255, 254)], inCluster: true },
]);

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** `outside` plays the machine's resolvers. */
async function served(outside: Forwarder["forward"] = async () => undefined) {
  const counted = { queries: 0, forwarded: 0 };
  const forwarder = new Forwarder({ resolvers: () => [], onFailure() {} });
  forwarder.forward = outside;
  const proxy = new DnsProxy(
    { forwarder, onQuery: () => counted.queries++, onForwarded: () => counted.forwarded++ },
    FIXED,
  );
  proxy.update(NAMES);
  const dns = await serveDns({ host: "127.0.0.1", port: 0 }, proxy.answer);
  closers.push(() => dns.stop());
  return { dns, proxy, counted };
}

function queryOf(host: string, changes: Partial<Message> = {}): Message {
  const questions = [{ name: nameOf(host)!, type: TYPE.a, class: 1 }];
  const none = { answers: [], authorities: [], additionals: [] };
  return { id: 99, flags: FLAG.recursionDesired, questions, ...none, ...changes };
}

async function ask(
  { port }: ServedDns,
  transport: "udp" | "tcp",
  query: Message | Uint8Array,
): Promise<Message | undefined> {
  const bytes = query instanceof Uint8Array ? query : encodeMessage(query);
  const over = transport === "udp" ? askOverUdp : askOverTcp;
  const reply = await over({ host: "127.0.0.1", port }, bytes, () => true, 2_000);
  const read = reply && decodeMessage(reply);
  if (read?.kind === "malformed") throw new Error(read.reason);
  return read?.message;
}

test("names of the mesh, over UDP and TCP on one port", async () => {
  const { dns, counted } = await served();
  for (const transport of ["udp", "tcp"] as const) {
    const reply = await ask(dns, transport, queryOf("Web"));
    expect(reply).toMatchObject({ id: 99, questions: queryOf("Web").questions });
    expect([...reply!.answers[0]!.data]).toEqual([240, 240, 0, 2]);
  }
  expect(counted).toEqual({ queries: 2, forwarded: 0 });
});

test("a table that changed counts from the next query on", async () => {
  const { dns, proxy } = await served();
  proxy.update(new MeshNames(create(NameTableSchema), "default", true));
  expect(rcodeOf((await ask(dns, "udp", queryOf("web")))!.flags)).toBe(RCODE.serverFailure); // asked for outside
});

function forwardedOf(message: Message, cut?: Uint8Array): Forwarded {
  return { bytes: encodeMessage(message), message, cut };
}

const LONG: Message = queryOf("outside.example", {
  flags: FLAG.response,
  answers: Array.from({ length: 10 }, () => ({
    name: nameOf("outside.example")!,
    type: 16,
    class: 1,
    ttl: 1,
    data: new Uint8Array(100),
  })),
});

test("a long answer from outside goes to who takes it; others get the cut one, or the word that it is too long", async () => {
  let cut: Uint8Array | undefined;
  const { dns } = await served(async () => forwardedOf(LONG, cut));
  const asked = queryOf("outside.example");
  expect((await ask(dns, "tcp", asked))?.answers.length).toBe(10);
  expect((await ask(dns, "udp", { ...asked, additionals: [optRecord(4_096, false)] }))?.answers.length).toBe(10);
  const none = await ask(dns, "udp", asked);
  expect([none!.answers.length, none!.flags & FLAG.truncated, none!.id]).toEqual([0, FLAG.truncated, 99]);
  const some = { ...LONG, flags: FLAG.response | FLAG.truncated, answers: LONG.answers.slice(0, 2) };
  cut = encodeMessage(some);
  expect((await ask(dns, "udp", asked))?.answers.length).toBe(2);
});

test("the workload's proxy is answered from outside, for names of the mesh, too", async () => {
  const outside = queryOf("web", { flags: FLAG.response });
  const { proxy } = await served(async () => forwardedOf(outside));
  expect(await proxy.answerFromOutside(encodeMessage(queryOf("web")), "udp")).toEqual(encodeMessage(outside));
  const machine = decodeMessage(
    (await proxy.answerFromOutside(encodeMessage(queryOf("host.heddle.internal")), "udp"))!,
  );
  expect(machine).toMatchObject({ message: { answers: [{ data: Uint8Array.of(10, 231, 255, 254) }] } });
});

test("who asks again before the reply is there is not asked for twice", async () => {
  const { promise, resolve } = Promise.withResolvers<Forwarded>();
  const { dns, counted } = await served(() => promise);
  const replies: Uint8Array[] = [];
  const socket = await Bun.udpSocket({
    connect: { hostname: "127.0.0.1", port: dns.port },
    socket: { data: (_, bytes) => void replies.push(bytes.slice()) },
  });
  closers.push(() => socket.close());
  for (let i = 0; i < 3; i++) socket.send(encodeMessage(queryOf("outside.example")));
  socket.send(encodeMessage(queryOf("web", { id: 1 }))); // comes after them
  await until("1 replies", () => replies.length >= 1);
  expect(counted.forwarded).toBe(1);
  resolve(forwardedOf(queryOf("outside.example", { flags: FLAG.response })));
  await until("2 replies", () => replies.length >= 2);
  socket.send(encodeMessage(queryOf("web", { id: 2 })));
  await until("3 replies", () => replies.length >= 3);
  expect(replies.map((bytes) => bytes[1])).toEqual([1, 99, 2]);
});

test("queries of one connection are answered as they are ready, also after the client has ended its side", async () => {
  const { promise, resolve } = Promise.withResolvers<Forwarded>();
  const { dns } = await served(() => promise);
  const ids: number[] = [];
  let closed = false;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: dns.port,
    allowHalfOpen: true,
    socket: {
      data(_, bytes) {
        for (let at = 0; at < bytes.length; at += 2 + ((bytes[at]! << 8) | bytes[at + 1]!)) ids.push(bytes[at + 3]!);
      },
      close() {
        closed = true;
      },
      end: (ended) => void ended.end(),
    },
  });
  const bytes = [queryOf("outside.example", { id: 1 }), queryOf("web", { id: 2 })].flatMap((query) => [
    ...writeMessage(encodeMessage(query)),
  ]);
  for (const byte of bytes) socket.write(Uint8Array.of(byte)); // in pieces, however they come
  socket.shutdown();
  await until("1 replies", () => ids.length >= 1);
  resolve(forwardedOf(queryOf("outside.example", { id: 1, flags: FLAG.response })));
  await until("the end", () => closed);
  expect(ids).toEqual([2, 1]);
});

test("what is no query is refused, and what is a reply is not answered", async () => {
  const { dns, proxy } = await served();
  const rcode = async (query: Message | Uint8Array) => rcodeOf((await ask(dns, "udp", query))!.flags);
  const asked = queryOf("web");
  expect(await rcode({ ...asked, questions: [] })).toBe(RCODE.formatError);
  expect(await rcode({ ...asked, questions: [...asked.questions, ...asked.questions] })).toBe(RCODE.formatError);
  expect(await rcode({ ...asked, flags: 4 << 11 })).toBe(RCODE.notImplemented);
  expect(await rcode(encodeMessage(asked).subarray(0, 14))).toBe(RCODE.formatError);
  for (const none of [encodeMessage({ ...asked, flags: FLAG.response }), new Uint8Array(5), new Uint8Array(0)])
    expect(await proxy.answer(none, "udp")).toBeUndefined();
});

test("any bytes get a reply that can be read, or none", async () => {
  const { proxy } = await served();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const reply = await proxy.answer(bytes, "udp");
      if (reply) expect(decodeMessage(reply).kind).toBe("message");
    }),
  );
});

test("a port that is taken is said to be", async () => {
  const { dns, proxy } = await served();
  expect(serveDns({ host: "127.0.0.1", port: dns.port }, proxy.answer)).rejects.toThrow("cannot listen on");
});
