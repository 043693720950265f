// What a connection manager makes of a request's head before anything is decided by it, and what a route makes of it on its way out: of that
// what decisions and applications can see. Names that only a running proxy has (request ids, the peer's metadata) are left out.

import { PROTOCOL_HEADER } from "../compile/virtual-host.ts";
import { PEER_METADATA_HEADER } from "../stats/peer-metadata.ts";
import { strippedAuthority } from "../table/authority.ts";
import { detectClient } from "../table/client-address.ts";
import type { Format, FormatPart } from "../table/format/part.ts";
import type { AppendAction, HeaderMutation, HeaderOperation } from "../table/header-mutation.ts";
import type { HttpTable } from "../table/http.ts";
import { normalizePath, unescapeSlashes } from "../table/path.ts";
import { type ConnectionFacts, headerValue, pathWithoutQuery, type RequestFacts } from "../table/request.ts";
import { isInternal, removeClaims } from "../table/request-origin.ts";
import { type HostRewrite, rewritePath } from "../table/rewrite.ts";
import type { ForwardAction, Route, VirtualHost, WeightedCluster } from "../table/route.ts";
import { substitute } from "../table/substitution.ts";

/**
 * The request that routes and filters look at; undefined: its path cannot be normalised, and the answer is 400. `saysScheme`: its target does,
 * being HTTP/2's or in absolute-form.
 */
export function arriving(
  given: RequestFacts,
  http: HttpTable,
  facts: ConnectionFacts,
  saysScheme: boolean,
): RequestFacts | undefined {
  const { normalizePath: normalizes, mergeSlashes, escapedSlashes } = http;
  const headers = new FieldList(given.headers);
  tellOrigin(headers, given, http, facts);
  const request = saysScheme
    ? given
    : { ...given, scheme: forwardedScheme({ ...given, headers: headers.list }) ?? given.scheme };
  const isConnect = request.method === "CONNECT";
  const authority = isConnect ? request.authority : strippedAuthority(request.authority, http, facts.localPort);
  if (request.path === "") return { ...request, authority, headers: headers.list };
  const raw = escapedSlashes === "keep" ? request.path : unescapeSlashes(request.path);
  if (escapedSlashes === "reject" && raw !== request.path) return undefined;
  const path = normalizes ? normalizePath(raw, mergeSlashes) : raw;
  return path === undefined ? undefined : { ...request, authority, path, headers: headers.list };
}

/** Who stood before this proxy says it; where they are not believed, it is the connection's by now (Envoy: ConnectionManagerUtility::getScheme). */
function forwardedScheme(request: RequestFacts): string | undefined {
  const told = headerValue(request, "x-forwarded-proto");
  return told === "http" || told === "https" ? told : undefined;
}

function tellOrigin(headers: FieldList, request: RequestFacts, http: HttpTable, facts: ConnectionFacts): void {
  const { useRemoteAddress } = http;
  const { remoteAddress, localPort } = facts;
  const detected = detectClient(request, http, facts);
  const client = typeof detected === "object" ? detected : undefined;
  const before = headerValue(request, "x-forwarded-for");
  const internal = isInternal(http, facts, client, before);
  if (internal) headers.set("x-envoy-internal", "true");
  else removeClaims(headers.list, useRemoteAddress);
  if ((useRemoteAddress || client?.appends) && !http.skipsForwardedFor)
    headers.set("x-forwarded-for", before === undefined ? remoteAddress : `${before},${remoteAddress}`);
  const overwrites = useRemoteAddress && http.trustedHops === 0;
  if (overwrites || !headers.has("x-forwarded-proto")) headers.set("x-forwarded-proto", request.scheme);
  if (http.appendsForwardedPort && (overwrites || !headers.has("x-forwarded-port")))
    headers.set("x-forwarded-port", String(localPort));
  if (useRemoteAddress && !internal) headers.append("x-envoy-external-address", client?.address ?? remoteAddress);
}

/** The request as the cluster gets it. */
export function departing(
  request: RequestFacts,
  host: VirtualHost,
  route: Route,
  action: ForwardAction,
  weighted: WeightedCluster | undefined,
): RequestFacts {
  const headers = new FieldList(request.headers);
  if (weighted) mutate(headers, weighted.headers, request);
  mutate(headers, route.headers, request);
  const rewrite = action.hostRewrite ?? weighted?.hostRewrite;
  const authority = (rewrite && newAuthority(request, rewrite)) || request.authority;
  if (authority !== request.authority) {
    if (action.appendForwardedHost) headers.append("x-forwarded-host", request.authority);
    headers.set("x-envoy-original-host", request.authority);
  }
  const path = action.pathRewrite ? rewritePath(action.pathRewrite, request.path, route.match.path) : request.path;
  if (action.pathRewrite) headers.set("x-envoy-original-path", request.path);
  if (host.attemptCountHeader) headers.set("x-envoy-attempt-count", "1");
  return { ...request, path, authority, headers: headers.list };
}

function newAuthority(request: RequestFacts, rewrite: HostRewrite): string | undefined {
  switch (rewrite.kind) {
    case "literal":
      return rewrite.host;
    case "header":
      return headerValue(request, rewrite.name);
    case "path":
      return substitute(rewrite.substitution, pathWithoutQuery(request.path));
    case "endpoint":
      return undefined;
  }
}

/** The sidecars tell each other, and the application never sees it. */
const BETWEEN_PROXIES: ReadonlySet<string> = new Set([PEER_METADATA_HEADER, PROTOCOL_HEADER]);

function mutate(headers: FieldList, mutation: HeaderMutation, request: RequestFacts): void {
  const { requestRemove, requestSet, outer } = mutation;
  for (const name of requestRemove) headers.remove(name);
  const wanted = requestSet.filter(
    ({ name, action }) => !BETWEEN_PROXIES.has(name) && isWanted(action, headers.has(name)),
  );
  const overwrites = wanted.filter(({ action }) => action.startsWith("overwrite"));
  for (const operation of overwrites) apply(headers, operation, request);
  for (const operation of wanted) if (!overwrites.includes(operation)) apply(headers, operation, request);
  if (outer) mutate(headers, outer, request);
}

function isWanted(action: AppendAction, isThere: boolean): boolean {
  return action === "append" || action === "overwrite" || isThere === (action === "overwrite-if-exists");
}

function apply(headers: FieldList, { name, value, action, keepEmpty }: HeaderOperation, request: RequestFacts): void {
  const text = formatText(value, request);
  if (text === "" && !keepEmpty) return;
  if (action.startsWith("overwrite")) headers.set(name, text);
  else headers.append(name, text);
}

function formatText(format: Format, request: RequestFacts): string {
  return format.map((part) => partText(part, request)).join("");
}

/** What only a running proxy knows stands as its operator. */
function partText(part: FormatPart, request: RequestFacts): string {
  if (part.kind === "text") return Buffer.from(part.text, "latin1").toString("utf8");
  if (part.kind === "header" && part.of === "request") {
    const found = part.names.map((name) => headerValue(request, name.toLowerCase())).find((text) => text !== undefined);
    return found === undefined ? "-" : part.maxLength > 0 ? found.slice(0, part.maxLength) : found;
  }
  return part.kind === "operator" ? `%${part.name}%` : `%${part.kind}%`;
}

/** Name and value in turns, as RequestFacts have them. */
class FieldList {
  readonly list: string[];

  constructor(list: readonly string[]) {
    this.list = [...list];
  }

  has(name: string): boolean {
    return this.list.some((text, i) => i % 2 === 0 && text === name);
  }

  remove(name: string): void {
    for (let i = this.list.length - 2; i >= 0; i -= 2) if (this.list[i] === name) this.list.splice(i, 2);
  }

  append(name: string, value: string): void {
    this.list.push(name, value);
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.append(name, value);
  }
}
