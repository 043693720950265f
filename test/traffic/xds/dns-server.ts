// A name server of a case's own: it answers what it is told to, and counts what it is asked (RFC 1035).

import { createSocket } from "node:dgram";

const TYPE_A = 1;
const SERVFAIL = 2;
const NXDOMAIN = 3;
/** Response, recursion desired and available. */
const FLAGS = 0x8180;

export type DnsAnswer =
  | { readonly kind: "addresses"; readonly addresses: readonly string[]; readonly ttlSeconds: number }
  | { readonly kind: "fails" }
  | { readonly kind: "unknown" };

function nameOf(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at]! > 0; at += query[at]! + 1)
    labels.push(query.toString("latin1", at + 1, at + 1 + query[at]!));
  return labels.join(".").toLowerCase();
}

/** The end of the question, which follows the header. */
function questionEnd(message: Buffer): number {
  let at = 12;
  while (message[at]! > 0) at += message[at]! + 1;
  return at + 5;
}

function record(address: string, ttlSeconds: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16BE(0xc00c, 0); // the name of the question
  bytes.writeUInt16BE(TYPE_A, 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt32BE(ttlSeconds, 6);
  bytes.writeUInt16BE(4, 10);
  Buffer.from(address.split(".").map(Number)).copy(bytes, 12);
  return bytes;
}

function reply(query: Buffer, answer: DnsAnswer): Buffer {
  const end = questionEnd(query);
  const isA = query.readUInt16BE(end - 4) === TYPE_A;
  const records =
    answer.kind === "addresses" && isA ? answer.addresses.map((one) => record(one, answer.ttlSeconds)) : [];
  const code = answer.kind === "fails" ? SERVFAIL : answer.kind === "unknown" ? NXDOMAIN : 0;
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(FLAGS | code, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, query.subarray(12, end), ...records]);
}

export class DnsServer {
  readonly #socket = createSocket("udp4");
  readonly #answers = new Map<string, DnsAnswer>();
  #queries = 0;

  static async start(): Promise<DnsServer> {
    const server = new DnsServer();
    const socket = server.#socket;
    socket.on("message", (query, { port, address }) => {
      server.#queries++;
      socket.send(reply(query, server.#answers.get(nameOf(query)) ?? { kind: "unknown" }), port, address);
    });
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get queries(): number {
    return this.#queries;
  }

  answers(name: string, answer: DnsAnswer): void {
    this.#answers.set(name, answer);
  }

  says(name: string, addresses: readonly string[], ttlSeconds: number): void {
    this.answers(name, { kind: "addresses", addresses, ttlSeconds });
  }

  stop(): void {
    this.#socket.close();
  }
}
