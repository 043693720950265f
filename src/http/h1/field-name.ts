// Names of fields without an allocation: bytes are looked up among the names that meshes see and give the one string of each,
// checked against the grammar by being equal to it.

import { CR, LF, LOWER_TOKEN } from "./octets.ts";

/** Fields that the codec acts on instead of handing them over as they are. */
export type SpecialField =
  | "host"
  | "content-length"
  | "transfer-encoding"
  | "connection"
  | "upgrade"
  | "te"
  | "expect"
  /** Between two hops only and without meaning for Heddle (RFC 9110 7.6.1; http2-settings: RFC 9113 3.1, h2c upgrades are ignored). */
  | "dropped";

const NOTHING = new Uint8Array(0);
/** Longer values are not kept: what is kept is bounded by this and the number of names. */
const LONGEST_KEPT = 1024;

export class KnownName {
  readonly text: string;
  readonly special: SpecialField | undefined;
  /** @internal */
  readonly bytes: Uint8Array;
  /** A value that came lately; "" when there is none, or none is kept for this name. */
  lastValue = "";
  #lastBytes: Uint8Array = NOTHING;
  #lastLength = 0;
  #matched = false;
  readonly #repeats: boolean;

  constructor(text: string, special: SpecialField | undefined, repeats: boolean) {
    this.text = text;
    this.special = special;
    this.bytes = Buffer.from(text, "latin1");
    this.#repeats = repeats;
  }

  /** Index of the line end behind the value at `start` when that is `lastValue`; -1 when it is another. */
  endOfLastValue(bytes: Uint8Array, start: number): number {
    const length = this.#lastLength;
    if (length === 0) return -1;
    const last = this.#lastBytes;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== last[i]) return -1;
    if (bytes[start + length] !== CR || bytes[start + length + 1] !== LF) return -1;
    this.#matched = true;
    return start + length;
  }

  /** Keeps `value`, unless the one that is kept was met again since the last time it was to go. */
  remember(value: string, bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (!this.#repeats || length > LONGEST_KEPT) return;
    if (this.#matched) {
      this.#matched = false;
      return;
    }
    if (length > this.#lastBytes.length) this.#lastBytes = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#lastBytes[i] = bytes[start + i]!;
    this.#lastLength = length;
    this.lastValue = value;
  }
}

const SPECIAL: Readonly<Record<string, SpecialField>> = {
  host: "host",
  "content-length": "content-length",
  "transfer-encoding": "transfer-encoding",
  connection: "connection",
  upgrade: "upgrade",
  te: "te",
  expect: "expect",
  "keep-alive": "dropped",
  "proxy-connection": "dropped",
  "http2-settings": "dropped",
};

// HPACK's static table (RFC 7541 A) first, then browsers', proxies', tracers' and gRPC's.
const ORDINARY = `accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age allow
authorization cache-control content-disposition content-encoding content-language content-location content-range content-type
cookie date etag expires from if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location
max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security
user-agent vary via www-authenticate
access-control-allow-credentials access-control-allow-headers access-control-allow-methods access-control-expose-headers
access-control-max-age access-control-request-headers access-control-request-method alt-svc content-security-policy dnt forwarded
idempotency-key origin pragma priority sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site
sec-fetch-user sec-websocket-accept sec-websocket-extensions sec-websocket-key sec-websocket-protocol sec-websocket-version
trailer upgrade-insecure-requests x-content-type-options x-frame-options x-powered-by x-requested-with x-api-key
x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-forwarded-client-cert x-real-ip x-request-id
x-envoy-attempt-count x-envoy-decorator-operation x-envoy-expected-rq-timeout-ms x-envoy-external-address x-envoy-internal
x-envoy-original-path x-envoy-peer-metadata x-envoy-peer-metadata-id x-envoy-upstream-service-time x-heddle-protocol
traceparent tracestate baggage b3 x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled x-b3-flags
grpc-accept-encoding grpc-encoding grpc-message grpc-status grpc-timeout`;

/**
 * Names whose values repeat from request to request. Comparing a value with the last one costs less than making a string of it, which
 * is otherwise the largest part of reading a head (40 %); and who looks the string up finds its hash computed. Never names of secrets.
 */
const REPEATING: ReadonlySet<string> = new Set(
  `host connection accept accept-encoding accept-language cache-control content-encoding content-type date from origin pragma server
te user-agent vary via x-forwarded-client-cert x-forwarded-host x-forwarded-port x-forwarded-proto
x-envoy-attempt-count x-envoy-decorator-operation x-envoy-peer-metadata x-envoy-peer-metadata-id x-heddle-protocol
sec-fetch-dest sec-fetch-mode sec-fetch-site grpc-accept-encoding grpc-encoding grpc-timeout`.split(/\s+/),
);

const SLOTS = 1024; // about a tenth filled: one probe finds nearly every name
const slots: (KnownName | undefined)[] = new Array<KnownName | undefined>(SLOTS).fill(undefined);

/** Length, first and last octet tell names apart well; what shares them is compared anyway. */
function slotOf(length: number, first: number, last: number): number {
  return (length * 37 + first * 5 + last * 11) & (SLOTS - 1);
}

function add(text: string, special: SpecialField | undefined): void {
  let slot = slotOf(text.length, text.charCodeAt(0), text.charCodeAt(text.length - 1));
  while (slots[slot] !== undefined) slot = (slot + 1) & (SLOTS - 1);
  slots[slot] = new KnownName(text, special, REPEATING.has(text));
}

for (const [text, special] of Object.entries(SPECIAL)) add(text, special);
for (const text of ORDINARY.split(/\s+/)) add(text, undefined);

/** The known name that `bytes` hold from `start` to `end` (not empty, tokens) in any case, or undefined. */
export function findName(bytes: Uint8Array, start: number, end: number): KnownName | undefined {
  const length = end - start;
  let slot = slotOf(length, LOWER_TOKEN[bytes[start]!]!, LOWER_TOKEN[bytes[end - 1]!]!);
  for (;;) {
    const known = slots[slot];
    if (known === undefined) return undefined;
    if (known.bytes.length === length && matches(known.bytes, bytes, start)) return known;
    slot = (slot + 1) & (SLOTS - 1);
  }
}

function matches(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (LOWER_TOKEN[bytes[start + i]!] !== name[i]) return false;
  return true;
}
