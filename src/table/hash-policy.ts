// What of a request the balancers that hash go by (envoy.config.route.v3.RouteAction.HashPolicy; Envoy: HashPolicyImpl::generateHash).

import type { FilterStateObject } from "./filter-state.ts";
import { queryParameters } from "./header-match.ts";
import type { ConnectionFacts, RequestFacts } from "./request.ts";
import { type Substitution, substitute } from "./substitution.ts";

export interface HashCookie {
  readonly name: string;
  /** Undefined: a request without the cookie has no hash by it. 0: a cookie of the session is made. Else its lifetime in seconds. */
  readonly maxAgeSeconds: number | undefined;
  readonly path: string;
  /** As they follow in set-cookie: `; SameSite=Strict`. */
  readonly attributes: string;
}

export type HashPolicy = { readonly terminal: boolean } & (
  | { readonly kind: "header"; readonly name: string; readonly rewrite: Substitution | undefined }
  | { readonly kind: "cookie"; readonly cookie: HashCookie }
  | { readonly kind: "source-ip" }
  | { readonly kind: "query-parameter"; readonly name: string }
  /** An object that a filter keeps; one that is not hashable is none. */
  | { readonly kind: "filter-state"; readonly key: string }
);

const SEED = 0n;

/** Headers and paths are latin1: their bytes are hashed, as Envoy hashes them. */
function hash(text: string, seed = SEED): bigint {
  return Bun.hash.xxHash64(Buffer.from(text, "latin1"), seed);
}

/** Of an address without its port, or of an object that a filter keeps, as a byte stream's hash policy wants them. */
export function hashText(text: string): bigint {
  return hash(text);
}

function hashHeader({ name, rewrite }: HashPolicy & { kind: "header" }, { headers }: RequestFacts): bigint | undefined {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i] === name) values.push(rewrite ? substitute(rewrite, headers[i + 1]!) : headers[i + 1]!);
  if (values.length === 0) return undefined;
  // Order must not matter where a header comes in several lines.
  return values.sort().reduce((seed, value) => hash(value, seed), SEED);
}

/** The value of a cookie of the request, without its quotes; undefined when it is not there. */
export function cookieValue({ headers }: RequestFacts, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== "cookie") continue;
    for (const pair of headers[i + 1]!.split(";")) {
      const equals = pair.indexOf("=");
      if (equals === -1 || pair.slice(0, equals).trim() !== name) continue;
      return pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, "$1");
    }
  }
  return undefined;
}

export interface RequestHash {
  /** Undefined: no policy found anything to go by. */
  readonly hash: bigint | undefined;
  /** Lines for the response's set-cookie, of cookies that were made. */
  readonly cookies: readonly string[];
}

/** Envoy's: any value that is the connection's own will do, so that one client lands on one host. */
function makeCookie(cookie: HashCookie, facts: ConnectionFacts): { value: string; line: string } {
  const value = hash(`${facts.remoteLabel}${facts.localLabel}`).toString(16);
  const age = cookie.maxAgeSeconds ? `; Max-Age=${cookie.maxAgeSeconds}` : "";
  const path = cookie.path === "" ? "" : `; Path=${cookie.path}`;
  return { value, line: `${cookie.name}="${value}"${age}${path}${cookie.attributes}; HttpOnly` };
}

/** What is hashed beside the head. */
export interface HashContext {
  readonly facts: ConnectionFacts;
  filterState(key: string): FilterStateObject | undefined;
}

function hashBy(
  policy: HashPolicy,
  request: RequestFacts,
  context: HashContext,
  cookies: string[],
): bigint | undefined {
  switch (policy.kind) {
    case "header":
      return hashHeader(policy, request);
    case "source-ip":
      return hash(context.facts.remoteAddress);
    case "query-parameter": {
      const value = queryParameters(request.path).get(policy.name);
      return value === undefined ? undefined : hash(value);
    }
    case "filter-state": {
      const object = context.filterState(policy.key);
      return object?.hashable ? hash(object.value) : undefined;
    }
    case "cookie": {
      const { cookie } = policy;
      const value = cookieValue(request, cookie.name);
      if (value !== undefined && value !== "") return hash(value);
      if (cookie.maxAgeSeconds === undefined) return undefined;
      const made = makeCookie(cookie, context.facts);
      cookies.push(made.line);
      return hash(made.value);
    }
  }
}

/** The policies in their order: each turns what came before by one bit, until a terminal one has found something. */
export function hashRequest(policies: readonly HashPolicy[], request: RequestFacts, context: HashContext): RequestHash {
  let combined: bigint | undefined;
  const cookies: string[] = [];
  for (const policy of policies) {
    const found = hashBy(policy, request, context, cookies);
    if (found !== undefined) {
      const turned = combined === undefined ? 0n : BigInt.asUintN(64, (combined << 1n) | (combined >> 63n));
      combined = turned ^ found;
    }
    if (policy.terminal && combined !== undefined) break;
  }
  return { hash: combined, cookies };
}
