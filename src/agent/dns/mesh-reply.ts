// What a query for a name of the mesh is answered with.

import type { Found, MeshNames } from "./mesh-names.ts";
import {
  CLASS_IN,
  type Edns,
  ednsOf,
  encodeMessage,
  FLAG,
  type Message,
  MIN_UDP_BYTES,
  optRecord,
  RCODE,
  type ResourceRecord,
  repeatedFlags,
  TYPE,
} from "./message.ts";
import { type Name, nameOf, nameText } from "./name.ts";

/** Seconds; Istio's and CoreDNS's for services. Virtual addresses outlive it. */
const TTL = 30;
/** What fits a packet everywhere (DNS flag day 2020). */
const OWN_UDP_BYTES = 1_232;
/** BADVERS is 16: nought in the header, one above it (RFC 6891 section 6.1.3). */
const BAD_VERSION_UPPER = 1;

/** What the two bytes of length before a message over TCP can say. */
const MAX_MESSAGE = 65_535;
/** As resolvers have it (Unbound, BIND): what is longer than this has a way of its own. */
const MAX_UDP_BYTES = 4_096;

/** How a query came: decides how long its reply may be. */
export type Transport = "udp" | "tcp";

/** Undefined: the mesh has nothing to say, ask those outside. `query` has one question. */
export function meshReply(query: Message, names: MeshNames): Message | undefined {
  const question = query.questions[0]!;
  if (question.class !== CLASS_IN) return undefined;
  const found = names.find(nameText(question.name));
  if (found.kind === "foreign" || (found.kind === "host" && isElsewhere(found, question.type))) return undefined;
  const edns = ednsOf(query);
  if (edns && edns.version > 0) return reply(query, RCODE.noError, [], edns, BAD_VERSION_UPPER);
  if (found.kind === "unknown") return reply(query, RCODE.nameError, [], edns);
  return reply(query, RCODE.noError, records(question.name, question.type, found), edns);
}

/** Mail, text and the like of a host outside are not the mesh's; what tells its addresses (SVCB's hints, too) is. */
function isElsewhere({ host }: Found & { kind: "host" }, type: number): boolean {
  const told: readonly number[] = [TYPE.a, TYPE.aaaa, TYPE.cname, TYPE.any, TYPE.https, TYPE.svcb];
  return !host.inCluster && !told.includes(type);
}

function records(asked: Name, type: number, { host, canonical }: Found & { kind: "host" }): readonly ResourceRecord[] {
  const target = canonical === undefined ? undefined : nameOf(canonical);
  const alias: readonly ResourceRecord[] = target
    ? [{ name: asked, type: TYPE.cname, class: CLASS_IN, ttl: TTL, data: target }]
    : [];
  const addresses = host.addresses
    .map((data) => ({
      name: target ?? asked,
      type: data.length === 4 ? TYPE.a : TYPE.aaaa,
      class: CLASS_IN,
      ttl: TTL,
      data,
    }))
    .filter((record) => type === TYPE.any || record.type === type);
  // Without an address of the family, too: the name is there (RFC 2308 section 2.2).
  return [...alias, ...addresses];
}

/** To a query that was understood as far as its header and question. */
export function reply(
  query: Message,
  rcode: number,
  answers: readonly ResourceRecord[],
  edns: Edns | undefined = ednsOf(query),
  extendedRcode = 0,
): Message {
  const { id, flags, questions } = query;
  return {
    id,
    flags: FLAG.response | FLAG.recursionAvailable | repeatedFlags(flags) | rcode,
    questions,
    answers,
    authorities: [],
    additionals: edns ? [optRecord(OWN_UDP_BYTES, edns.dnssecOk, extendedRcode)] : [],
  };
}

/** Bytes of a reply that the client takes. */
export function limitOf(query: Message, transport: Transport): number {
  return transport === "tcp" ? MAX_MESSAGE : Math.min(ednsOf(query)?.udpBytes ?? MIN_UDP_BYTES, MAX_UDP_BYTES);
}

/** The bytes of a reply. What does not fit is left out by halves, with the word that there is more by TCP (RFC 2181 section 9). */
export function fitted(response: Message, limit: number): Uint8Array {
  const whole = encodeMessage(response);
  if (whole.length <= limit) return whole;
  const flags = response.flags | FLAG.truncated;
  const opts = response.additionals.filter(({ type }) => type === TYPE.opt);
  const cut = { ...response, flags, authorities: [], additionals: opts };
  for (let count = response.answers.length >> 1; count > 0; count >>= 1) {
    const some = encodeMessage({ ...cut, answers: response.answers.slice(0, count) });
    if (some.length <= limit) return some;
  }
  return encodeMessage({ ...cut, answers: [] });
}
