// Queries for names outside of the mesh, handed to this machine's resolvers.

import { Failure } from "../../base/failure.ts";
import { logger } from "../../base/log.ts";
import { askOverTcp, askOverUdp, type Resolver } from "./ask.ts";
import type { Transport } from "./mesh-reply.ts";
import { type DecodedMessage, decodeMessage, FLAG, HEADER_BYTES, type Message, RCODE, rcodeOf } from "./message.ts";
import { nameText } from "./name.ts";

const log = logger("dns");

/** Clients wait 5 s for a reply and then ask again (glibc, musl): two attempts end before that. */
const ATTEMPT_MS = 2_000;
const ROUNDS = 2;
const MAX_ATTEMPTS = 4;
/** A resolver that did not answer is asked last for so long. */
const PENALTY_MS = 30_000;

/** Those that say something of the resolver, and not of the name: another one may know it (as glibc sees it). */
const RESOLVER_FAILURES: readonly number[] = [
  RCODE.formatError,
  RCODE.serverFailure,
  RCODE.notImplemented,
  RCODE.refused,
];

/** A reply as the resolver gave it, under the client's id. */
export interface Forwarded {
  readonly bytes: Uint8Array;
  readonly message: Message;
  /** What came over UDP and was cut, when the whole had to be fetched over TCP. */
  readonly cut: Uint8Array | undefined;
}

export interface ForwarderOptions {
  /** In order; asked for at every query. */
  resolvers(): readonly Resolver[];
  /** A resolver did not answer, or not with sense. */
  onFailure(): void;
  readonly attemptMs?: number;
}

interface Job {
  readonly query: Uint8Array;
  readonly message: Message;
  readonly id: number;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #attemptMs: number;
  readonly #lateUntil = new Map<string, number>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#attemptMs = options.attemptMs ?? ATTEMPT_MS;
  }

  /** `query` are the bytes of `message`, which has one question. Undefined when no resolver answers. */
  async forward(query: Uint8Array, message: Message, transport: Transport): Promise<Forwarded | undefined> {
    const resolvers = this.#inOrder();
    let failed: Forwarded | undefined;
    for (let attempt = 0; attempt < Math.min(MAX_ATTEMPTS, ROUNDS * resolvers.length); attempt++) {
      const resolver = resolvers[attempt % resolvers.length]!;
      const reply = await this.#ask(resolver, query, message, transport);
      if (reply && !RESOLVER_FAILURES.includes(rcodeOf(reply.message.flags))) return reply;
      failed = reply ?? failed;
      this.#options.onFailure();
    }
    return failed;
  }

  #inOrder(): readonly Resolver[] {
    const now = performance.now();
    const resolvers = this.#options.resolvers();
    const isLate = (resolver: Resolver) => (this.#lateUntil.get(keyOf(resolver)) ?? 0) > now;
    return [...resolvers.filter((resolver) => !isLate(resolver)), ...resolvers.filter(isLate)];
  }

  async #ask(
    resolver: Resolver,
    query: Uint8Array,
    message: Message,
    transport: Transport,
  ): Promise<Forwarded | undefined> {
    // Not the client's id, which may be foreseeable: forged replies would have to guess this one.
    const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
    const job: Job = { query: withId(query, id), message, id };
    const isReply = (bytes: Uint8Array) => replyTo(job, bytes) !== undefined;
    if (transport === "tcp") return this.#heard(resolver, job, await this.#overTcp(resolver, job, isReply));
    const bytes = await askOverUdp(resolver, job.query, isReply, this.#attemptMs);
    const reply = this.#heard(resolver, job, bytes);
    if (!reply || (reply.message.flags & FLAG.truncated) === 0) return reply;
    const whole = await this.#overTcp(resolver, job, isReply);
    return whole ? { ...this.#heard(resolver, job, whole)!, cut: reply.bytes } : reply;
  }

  #overTcp(resolver: Resolver, { query }: Job, isReply: (bytes: Uint8Array) => boolean) {
    return askOverTcp(resolver, query, isReply, this.#attemptMs);
  }

  #heard(resolver: Resolver, job: Job, bytes: Uint8Array | undefined): Forwarded | undefined {
    if (bytes === undefined) {
      log.debug("a resolver does not answer", { resolver: resolver.host });
      this.#lateUntil.set(keyOf(resolver), performance.now() + PENALTY_MS);
      return undefined;
    }
    this.#lateUntil.delete(keyOf(resolver));
    const message = replyTo(job, bytes);
    if (!message) throw new Failure("a reply that was taken for one is none");
    return { bytes: forClient(job, bytes, message), message, cut: undefined };
  }
}

function keyOf({ host, port }: Resolver): string {
  return `${host} ${port}`;
}

function withId(bytes: Uint8Array, id: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint16(0, id);
  return copy;
}

/** Undefined for what does not answer the job: another id, another question, or bytes that no resolver sends. */
function replyTo({ id, message: query }: Job, bytes: Uint8Array): Message | undefined {
  const decoded: DecodedMessage = decodeMessage(bytes);
  if (decoded.kind === "malformed") return undefined;
  const { message } = decoded;
  if (message.id !== id || (message.flags & FLAG.response) === 0) return undefined;
  const [asked] = query.questions;
  const [answered, ...more] = message.questions;
  // Who cannot read a question cannot repeat it.
  if (!answered) return rcodeOf(message.flags) === RCODE.noError ? undefined : message;
  if (!asked || more.length > 0 || asked.type !== answered.type || asked.class !== answered.class) return undefined;
  return nameText(asked.name) === nameText(answered.name) ? message : undefined;
}

/** Under the client's id, and with the question in the letters that it was asked in, which some clients compare (0x20). */
function forClient({ message: query }: Job, bytes: Uint8Array, reply: Message): Uint8Array {
  const copy = withId(bytes, query.id);
  if (reply.questions.length > 0) copy.set(query.questions[0]!.name, HEADER_BYTES);
  return copy;
}
