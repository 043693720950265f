// Where Heddle's proxy does otherwise than Envoy on purpose: the reason, and what holds instead. Everything else must be the same.

import { networkInterfaces } from "node:os";
import type { Received } from "../xds/behaviour.ts";
import type { Field } from "../xds/wire.ts";
import type { AskedRequest } from "./requests.ts";

interface Refusal {
  readonly because: string;
  readonly concerns: (request: AskedRequest) => boolean;
}

const CONTROL_OR_BEYOND = /[^\x21-\x7e]/;
/** Of what comes before the query: an escape that is none, or of a byte that ends strings. */
const BAD_ESCAPE = /^[^?]*%(?:$|00|[^0-9a-f]|.$|.[^0-9a-f])/is;

/** Requests that never leave Heddle's proxy: it answers 400, or resets the stream, before any rule is asked. */
const REFUSALS: readonly Refusal[] = [
  {
    because:
      "a fragment is no part of a request target (RFC 9112 3.2): refused where heads are parsed, by Envoy where paths are normalised",
    concerns: ({ path }) => path.includes("#"),
  },
  {
    because:
      "bytes beyond ASCII are no part of a request target; Envoy's HTTP/2 lets them pass, and its HTTP/1.1 does not",
    concerns: ({ path }) => CONTROL_OR_BEYOND.test(path),
  },
  {
    because:
      "nobody agrees on the meaning of an escape that is none, or of NUL: 400; Envoy lets the first pass, and gives the second the headers of a route",
    concerns: ({ path }) => BAD_ESCAPE.test(path),
  },
  {
    because:
      "an empty port (`host:`) is told apart from none by some and not by others: refused; Envoy takes it for a part of the name",
    concerns: ({ authority }) => authority.endsWith(":"),
  },
  {
    because:
      "a target that does not begin with a slash is 400 or a reset; Envoy's HTTP/2 closes the connection with all its streams",
    concerns: ({ path }) => !path.startsWith("/"),
  },
];

export function isRefusedEarly(request: AskedRequest): boolean {
  return REFUSALS.some(({ concerns }) => concerns(request));
}

/**
 * A copy says what the request said: Envoy's goes out by its client for requests of its own, which calls it internal and adds the proxy's
 * address. Silver gets the copies.
 */
const OF_COPIES: ReadonlySet<string> = new Set(["x-envoy-internal", "x-forwarded-for"]);

export function comparableRequest({ app, headers }: Received): readonly Field[] {
  return comparable(headers).filter(([name]) => app !== "silver" || !OF_COPIES.has(name));
}

/** Of the machine: in place of a client on the loopback interface Envoy writes it into x-forwarded-for (mutateRequestHeaders). */
const OWN_ADDRESS = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

function shown(name: string, value: string): string {
  return name === "x-forwarded-for" && OWN_ADDRESS !== undefined ? value.replaceAll(OWN_ADDRESS, "127.0.0.1") : value;
}

/** Of the moment, of the process, or of how a message is framed on its connection, which is each proxy's business. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "transfer-encoding",
  "x-case",
  "x-envoy-upstream-service-time",
  "x-request-id",
]);

/**
 * As a recipient reads them: several fields of one name are one list without its empty elements (RFC 9110 5.3, 5.6.1). Envoy joins those of
 * names that it knows, Heddle leaves them as they came.
 */
export function comparable(fields: readonly Field[]): readonly Field[] {
  const all = new Map<string, string>();
  for (const [given, text] of fields) {
    const name = given.toLowerCase();
    const value = shown(name, text);
    const before = all.get(name);
    if (!LEFT_OUT.has(name)) all.set(name, before && value ? `${before},${value}` : (before ?? "") + value);
  }
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1));
}
