// The DNS proxy beside a captured workload: the mesh's names from the table that the control plane sent, all others from this machine's
// resolvers.

import { logger } from "../../base/log.ts";
import type { Forwarder } from "./forwarder.ts";
import type { MeshNames } from "./mesh-names.ts";
import { fitted, limitOf, meshReply, reply, type Transport } from "./mesh-reply.ts";
import {
  decodeMessage,
  encodeMessage,
  FLAG,
  HEADER_BYTES,
  type Message,
  opcodeOf,
  RCODE,
  repeatedFlags,
} from "./message.ts";

const log = logger("dns");

const OPCODE_QUERY = 0;
/** Queries that wait for resolvers: each holds a socket. */
const MAX_FORWARDED = 256;

export interface DnsProxyOptions {
  readonly forwarder: Forwarder;
  onQuery(): void;
  onForwarded(): void;
}

/** Answers with the bytes of a reply; undefined for what deserves none. */
export type Answer = (query: Uint8Array, transport: Transport) => Promise<Uint8Array | undefined>;

export class DnsProxy {
  readonly #options: DnsProxyOptions;
  /** Those that the proxy may know, too. */
  readonly #fixed: MeshNames;
  #names: MeshNames;
  #forwarded = 0;

  /** `fixed`: names of the agent's own, before there is a table. */
  constructor(options: DnsProxyOptions, fixed: MeshNames) {
    this.#options = options;
    this.#fixed = fixed;
    this.#names = fixed;
  }

  update(names: MeshNames): void {
    this.#names = names;
  }

  /** For the application. */
  readonly answer: Answer = (bytes, transport) => this.#answer(bytes, transport, this.#names);

  /**
   * For the workload's proxy, which asks for the hosts that the mesh leads to: the mesh's own answer would be the virtual address
   * that it just took the connection from.
   */
  readonly answerFromOutside: Answer = (bytes, transport) => this.#answer(bytes, transport, this.#fixed);

  async #answer(bytes: Uint8Array, transport: Transport, names: MeshNames) {
    this.#options.onQuery();
    const decoded = decodeMessage(bytes);
    if (decoded.kind === "malformed") return refusal(bytes, decoded.reason);
    const { message } = decoded;
    if ((message.flags & FLAG.response) !== 0) return undefined; // an answer to it would begin a ping-pong
    if (opcodeOf(message.flags) !== OPCODE_QUERY) return encodeMessage(reply(message, RCODE.notImplemented, []));
    if (message.questions.length !== 1) return encodeMessage(reply(message, RCODE.formatError, []));
    const own = meshReply(message, names);
    return own ? fitted(own, limitOf(message, transport)) : this.#forward(bytes, message, transport);
  }

  async #forward(bytes: Uint8Array, message: Message, transport: Transport): Promise<Uint8Array> {
    if (this.#forwarded >= MAX_FORWARDED) return encodeMessage(reply(message, RCODE.serverFailure, []));
    this.#forwarded++;
    this.#options.onForwarded();
    try {
      const forwarded = await this.#options.forwarder.forward(bytes, message, transport);
      if (!forwarded) return encodeMessage(reply(message, RCODE.serverFailure, []));
      const limit = limitOf(message, transport);
      if (forwarded.bytes.length <= limit) return forwarded.bytes;
      if (forwarded.cut && forwarded.cut.length <= limit) return forwarded.cut;
      // Records may hold names that point into the message that they came in: none can be kept alone.
      return fitted({ ...forwarded.message, id: message.id, questions: message.questions, answers: [] }, 0);
    } finally {
      this.#forwarded--;
    }
  }
}

/** Who sent no query that can be read is told so, if it looks like one: FORMERR with its id and nothing else (RFC 1035 section 4.1.1). */
function refusal(bytes: Uint8Array, reason: string): Uint8Array | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const [id, flags] = [(bytes[0]! << 8) | bytes[1]!, (bytes[2]! << 8) | bytes[3]!] as const;
  if ((flags & FLAG.response) !== 0) return undefined;
  log.debug("a query is malformed", { reason });
  const none = { questions: [], answers: [], authorities: [], additionals: [] };
  return encodeMessage({ id, flags: FLAG.response | repeatedFlags(flags) | RCODE.formatError, ...none });
}
