// Names of fields without an allocation: bytes are looked up among the names that meshes see and give the one string of each,
// checked against the grammar by being equal to it.

import { LOWER_TOKEN } from "./octets.ts";

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

export class KnownName {
  readonly text: string;
  readonly special: SpecialField | undefined;
  /** @internal */
  readonly bytes: Uint8Array;

  constructor(text: string, special: SpecialField | undefined) {
    this.text = text;
    this.special = special;
    this.bytes = Buffer.from(text, "latin1");
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

const SLOTS = 1024; // about a tenth filled: one probe finds nearly every name
const slots: (KnownName | undefined)[] = new Array<KnownName | undefined>(SLOTS).fill(undefined);

/** Length, first and last octet tell names apart well; what shares them is compared anyway. */
function slotOf(length: number, first: number, last: number): number {
  return (length * 37 + first * 5 + last * 11) & (SLOTS - 1);
}

function add(text: string, special: SpecialField | undefined): void {
  let slot = slotOf(text.length, text.charCodeAt(0), text.charCodeAt(text.length - 1));
  while (slots[slot] !== undefined) slot = (slot + 1) & (SLOTS - 1);
  slots[slot] = new KnownName(text, special);
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
