// Against resolvers on loopback that answer as the test says.

import { afterEach, expect, test } from "bun:test";
import type { Resolver } from "./ask.ts";
import { Forwarder } from "./forwarder.ts";
import { decodeMessage, encodeMessage, FLAG, type Message, RCODE, rcodeOf, TYPE } from "./message.ts";
import { nameOf } from "./name.ts";
import { MessageReader, writeMessage } from "./tcp-frame.ts";

type Behaviour = (query: Message, transport: "udp" | "tcp") => readonly Uint8Array[];

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface FakeResolver extends Resolver {
  /** Queries that came. */
  readonly seen: ("udp" | "tcp")[];
}

async function resolver(behaviour: Behaviour): Promise<FakeResolver> {
  const seen: ("udp" | "tcp")[] = [];
  const replies = (bytes: Uint8Array, transport: "udp" | "tcp") => {
    seen.push(transport);
    const decoded = decodeMessage(bytes);
    if (decoded.kind === "malformed") throw new Error(decoded.reason);
    return behaviour(decoded.message, transport);
  };
  const tcp = Bun.listen<MessageReader>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = new MessageReader((query) => {
          for (const reply of replies(query, "tcp")) socket.write(writeMessage(reply));
        });
      },
      data: (socket, bytes) => socket.data.receive(bytes),
    },
  });
  const { port } = tcp;
  const udp = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(socket, bytes, from, address) {
        for (const reply of replies(bytes.slice(), "udp")) socket.send(reply, from, address);
      },
    },
  });
  closers.push(() => {
    tcp.stop(true);
    udp.close();
  });
  return { host: "127.0.0.1", port, seen };
}

/** A port of loopback on which nobody is. */
async function nobody(): Promise<Resolver> {
  const { port, ...rest } = await resolver(() => []);
  closers.pop()?.();
  return { ...rest, port };
}

const QUERY: Message = {
  id: 0x1234,
  flags: FLAG.recursionDesired,
  questions: [{ name: nameOf("OutSide.example")!, type: TYPE.a, class: 1 }],
  answers: [],
  authorities: [],
  additionals: [],
};

function replyTo(query: Message, changes: Partial<Message> = {}): Uint8Array {
  return encodeMessage({ ...query, flags: FLAG.response | query.flags, ...changes });
}

function address(query: Message, ...data: number[]): Uint8Array {
  const { name } = query.questions[0]!;
  return replyTo(query, { answers: [{ name, type: TYPE.a, class: 1, ttl: 5, data: Uint8Array.from(data) }] });
}

const withRcode =
  (rcode: number): Behaviour =>
  (query) => [replyTo(query, { flags: FLAG.response | rcode })];

/** How long those are waited for who say nothing: long enough for others to answer on a busy machine. */
const SILENCE_MS = 1_000;

let failures = 0;
function forward(resolvers: readonly Resolver[], transport: "udp" | "tcp" = "udp", attemptMs = 2_000) {
  failures = 0;
  const forwarder = new Forwarder({ resolvers: () => resolvers, onFailure: () => failures++, attemptMs });
  return { forwarder, reply: forwarder.forward(encodeMessage(QUERY), QUERY, transport) };
}

test("the reply comes under the client's id, in the client's letters", async () => {
  let asked: Message | undefined;
  const server = await resolver((query) => {
    asked = query;
    const small = { ...query, questions: [{ ...query.questions[0]!, name: nameOf("outside.example")! }] };
    return [address(small, 198, 51, 100, 2)];
  });
  const reply = await forward([server]).reply;
  expect(asked?.questions).toEqual(QUERY.questions);
  const read = decodeMessage(reply!.bytes);
  expect(read).toMatchObject({ kind: "message", message: { id: QUERY.id, questions: QUERY.questions } });
  expect([...reply!.message.answers[0]!.data]).toEqual([198, 51, 100, 2]);
});

test("no such name is an answer: nobody else is asked", async () => {
  const [first, second] = [
    await resolver(withRcode(RCODE.nameError)),
    await resolver((query) => [address(query, 1, 1, 1, 1)]),
  ];
  const reply = await forward([first, second]).reply;
  expect(rcodeOf(reply!.message.flags)).toBe(RCODE.nameError);
  expect(second.seen).toEqual([]);
});

test("who fails, refuses, is not there or says nothing is not the last to be asked", async () => {
  const good = await resolver((query) => [address(query, 198, 51, 100, 2)]);
  const bad = [
    await resolver(withRcode(RCODE.serverFailure)),
    await resolver(withRcode(RCODE.refused)),
    await nobody(),
    await resolver(() => []),
    { host: "no address", port: 53 },
  ];
  for (const first of bad) {
    const reply = await forward([first, good], "udp", SILENCE_MS).reply;
    expect(rcodeOf(reply!.message.flags)).toBe(RCODE.noError);
    expect(failures).toBe(1);
  }
});

test("each is asked twice; then the failure that was heard is told, or none", async () => {
  const [failing, silent] = [await resolver(withRcode(RCODE.serverFailure)), await resolver(() => [])];
  expect(rcodeOf((await forward([failing, silent], "udp", SILENCE_MS / 2).reply)!.message.flags)).toBe(
    RCODE.serverFailure,
  );
  expect([failing.seen.length, silent.seen.length, failures]).toEqual([2, 2, 4]);
  expect(await forward([silent], "udp", SILENCE_MS / 2).reply).toBeUndefined();
});

test("who did not answer is asked last for a while", async () => {
  const [good, silent] = [await resolver((query) => [address(query, 1, 1, 1, 1)]), await resolver(() => [])];
  const { forwarder, reply } = forward([silent, good], "udp", SILENCE_MS);
  await reply;
  expect(silent.seen.length).toBe(1);
  await forwarder.forward(encodeMessage(QUERY), QUERY, "udp");
  expect(silent.seen.length).toBe(1);
  expect(good.seen.length).toBe(2);
});

test("replies to other questions, under other ids, malformed ones and queries are not heard", async () => {
  const server = await resolver((query) => [
    address({ ...query, id: query.id ^ 1 }, 6, 6, 6, 6),
    address({ ...query, questions: [{ ...query.questions[0]!, name: nameOf("bank.example")! }] }, 6, 6, 6, 6),
    address({ ...query, questions: [{ ...query.questions[0]!, type: TYPE.aaaa }] }, 6, 6, 6, 6),
    replyTo({ ...query, questions: [] }),
    encodeMessage(query),
    address(query, 6, 6, 6, 6).subarray(0, 20),
    new Uint8Array(0),
    address(query, 198, 51, 100, 2),
  ]);
  const reply = await forward([server]).reply;
  expect([...reply!.message.answers[0]!.data]).toEqual([198, 51, 100, 2]);
});

test("what does not fit UDP is fetched over TCP, and what came over UDP is kept for clients that take no more", async () => {
  const server = await resolver((query, transport) => {
    if (transport === "tcp") return [address(query, 198, 51, 100, 2)];
    return [replyTo(query, { flags: FLAG.response | FLAG.truncated })];
  });
  const reply = await forward([server]).reply;
  expect(server.seen).toEqual(["udp", "tcp"]);
  expect(reply!.message.answers.length).toBe(1);
  const cut = decodeMessage(reply!.cut!);
  expect(cut).toMatchObject({ kind: "message", message: { id: QUERY.id, answers: [] } });
});

test("without TCP the cut reply is better than none", async () => {
  const udp = await resolver((query, transport) =>
    transport === "tcp" ? [] : [replyTo(query, { flags: FLAG.response | FLAG.truncated })],
  );
  const reply = await forward([udp], "udp", SILENCE_MS / 2).reply;
  expect(reply!.message.flags & FLAG.truncated).toBe(FLAG.truncated);
});

test("who asks over TCP is answered from TCP", async () => {
  const server = await resolver((query) => [address(query, 198, 51, 100, 2)]);
  const reply = await forward([server], "tcp").reply;
  expect(server.seen).toEqual(["tcp"]);
  expect(reply!.message.answers.length).toBe(1);
  expect(await forward([await nobody()], "tcp").reply).toBeUndefined();
});

test("a resolver that closes the connection without an answer did not answer", async () => {
  const closing = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: (socket) => void socket.end() } });
  closers.push(() => closing.stop(true));
  const { reply } = forward([{ host: "127.0.0.1", port: closing.port }], "tcp", 5_000);
  expect(await reply).toBeUndefined();
  expect(failures).toBe(2);
});
