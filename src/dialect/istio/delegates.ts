// Delegation: a route of one VirtualService stands for the routes of another, each narrowed by its matches
// (pilot/pkg/model/virtualservice.go, mergeHTTPRoute). One level deep.

import type { HeaderMatch, HttpMatch, PathMatch, QueryMatch, StringMatch } from "../../model/match.ts";
import { changesHeaders } from "../../model/route.ts";
import type { HttpDraft } from "./http-route.ts";

/**
 * The delegate's route as it holds under `root`, or undefined when their matches contradict each other. What the delegate leaves
 * unset (timeout, retries, faults, CORS, mirrors, rewriting, headers) is the root's; names are joined by `-`.
 */
export function mergeDelegate(root: HttpDraft, delegate: HttpDraft): HttpDraft | undefined {
  const matches = mergeMatches(root.matches, delegate.matches);
  if (!matches) return undefined;
  return {
    ...delegate,
    name: joinNames(root.name, delegate.name),
    matches,
    timeoutMs: delegate.timeoutMs ?? root.timeoutMs,
    retry: delegate.retry ?? root.retry,
    fault: delegate.fault ?? root.fault,
    cors: delegate.cors ?? root.cors,
    mirrors: delegate.mirrors ?? root.mirrors,
    rewrite: delegate.rewrite ?? root.rewrite,
    ...inheritedHeaders(root, delegate),
  };
}

function joinNames(root: string | undefined, delegate: string | undefined): string | undefined {
  return root !== undefined && delegate !== undefined ? `${root}-${delegate}` : (delegate ?? root);
}

/** The headers block is inherited as a whole. */
function inheritedHeaders(
  root: HttpDraft,
  delegate: HttpDraft,
): Pick<HttpDraft, "requestHeaders" | "responseHeaders" | "headersHost"> {
  const { requestHeaders, responseHeaders, headersHost } = delegate;
  const isSet = changesHeaders(requestHeaders) || changesHeaders(responseHeaders) || headersHost !== undefined;
  const source = isSet ? delegate : root;
  return {
    requestHeaders: source.requestHeaders,
    responseHeaders: source.responseHeaders,
    headersHost: source.headersHost,
  };
}

/** Every match of the delegate must be narrower than one of the root's; it is joined with each that it is narrower than. */
function mergeMatches(root: readonly HttpMatch[], delegate: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (root.length === 0) return delegate;
  if (delegate.length === 0) return root;
  const merged: HttpMatch[] = [];
  for (const leaf of delegate) {
    const compatible = root.filter((match) => !contradicts(match, leaf));
    if (compatible.length === 0) return undefined;
    merged.push(...compatible.map((match) => mergeMatch(match, leaf)));
  }
  return merged;
}

function mergeMatch(root: HttpMatch, leaf: HttpMatch): HttpMatch {
  return {
    name: joinNames(root.name, leaf.name),
    statPrefix: leaf.statPrefix ?? root.statPrefix,
    path: leaf.path ?? root.path,
    method: leaf.method ?? root.method,
    scheme: leaf.scheme ?? root.scheme,
    authority: leaf.authority ?? root.authority,
    headers: mergeNamed(root.headers, leaf.headers, (header) => `${header.invert} ${header.name}`),
    query: mergeNamed(root.query, leaf.query, (parameter) => parameter.name),
    // A delegate has none: it is refused.
    claims: root.claims,
    client: mergeClients(root.client, leaf.client),
    port: leaf.port ?? root.port,
  };
}

function mergeClients(root: HttpMatch["client"], leaf: HttpMatch["client"]): HttpMatch["client"] {
  if (!root || !leaf) return root ?? leaf;
  return { namespace: leaf.namespace ?? root.namespace, labels: { ...root.labels, ...leaf.labels } };
}

/** Of one name the delegate's condition stays: it was found narrower. */
function mergeNamed<T>(root: readonly T[], leaf: readonly T[], keyOf: (item: T) => string): readonly T[] {
  return [...new Map([...root, ...leaf].map((item) => [keyOf(item), item])).values()];
}

/** Whether `leaf` could match a request that `root` does not, which makes it no narrower. */
function contradicts(root: HttpMatch, leaf: HttpMatch): boolean {
  return (
    widens(root.path, leaf.path) ||
    ignoresCase(root.path) !== ignoresCase(leaf.path ?? root.path) ||
    widens(root.scheme, leaf.scheme) ||
    widens(root.method, leaf.method) ||
    widens(root.authority, leaf.authority) ||
    leaf.headers.some((header) => widens(plainMatch(root.headers, header.name), header.value)) ||
    leaf.query.some((parameter) => widens(plainMatch(root.query, parameter.name), parameter.value)) ||
    differ(root.port, leaf.port) ||
    differ(root.client?.namespace, leaf.client?.namespace)
  );
}

function differ<T>(root: T | undefined, leaf: T | undefined): boolean {
  return root !== undefined && leaf !== undefined && root !== leaf;
}

type AnyMatch = StringMatch | PathMatch | HeaderMatch["value"];

function ignoresCase(path: PathMatch | undefined): boolean {
  return path !== undefined && "ignoreCase" in path && path.ignoreCase;
}

function plainMatch(matches: readonly (HeaderMatch | QueryMatch)[], name: string): AnyMatch | undefined {
  return matches.find((match) => match.name === name && !("invert" in match && match.invert))?.value;
}

/** Whether `leaf` matches something that `root` does not. With a regex on either side that is not decided, so it counts as widening. */
function widens(root: AnyMatch | undefined, leaf: AnyMatch | undefined): boolean {
  if (!root || !leaf) return false;
  if (root.kind === "exact") return leaf.kind !== "exact" || leaf.value !== root.value;
  if (root.kind === "prefix")
    return (leaf.kind !== "exact" && leaf.kind !== "prefix") || !leaf.value.startsWith(root.value);
  return true;
}
