// One entry of a VirtualService's `http`.

import { RE2JS } from "re2js";
import type { HttpMatch } from "../../model/match.ts";
import type { DirectBody, HttpAction, HttpRule, Mirror, PathRewrite, Redirect, Rewrite } from "../../model/route.ts";
import { exclusiveFields } from "../diagnostics.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { readCors } from "./cors.ts";
import { readDestinations } from "./destinations.ts";
import * as diagnostics from "./diagnostics.ts";
import { readFault } from "./fault.ts";
import { readHeaders } from "./http-headers.ts";
import { readMatches, refuseRegexes } from "./http-match.ts";
import { readMirrors } from "./mirrors.ts";
import type { Placed } from "./places.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { readRetry } from "./retry.ts";
import type { HttpRouteSpec } from "./virtual-service-schema.ts";

export interface Delegation {
  readonly kind: "delegate";
  readonly namespace: string;
  readonly name: string;
}

/** A rule before its place among the others is known, with what it says of rewriting apart from its action: a delegate may inherit it. */
export interface HttpDraft extends Omit<HttpRule, "rank" | "action" | "mirrors" | "matches"> {
  readonly matches: readonly Placed<HttpMatch>[];
  readonly action: HttpAction | Delegation;
  readonly rewrite: Rewrite | undefined;
  /** The host that the route's headers set. */
  readonly headersHost: string | undefined;
  readonly mirrors: readonly Mirror[] | undefined;
}

/** Undefined when it says nothing to do (reported) or never matches. */
export function readHttpRoute(
  spec: HttpRouteSpec,
  path: string,
  inDelegate: boolean,
  reading: Reading,
): HttpDraft | undefined {
  const { reporter } = reading;
  const action = spec.delegate
    ? readDelegation(spec, spec.delegate, path, inDelegate, reading)
    : readAction(spec, path, reading);
  const headers = readHeaders(spec.headers, joinPath(path, "headers"), reporter);
  const rest = {
    retry: readRetry(spec.retries, joinPath(path, "retries"), reporter),
    fault: readFault(spec.fault, joinPath(path, "fault"), reporter),
    cors: readCors(spec.corsPolicy, joinPath(path, "corsPolicy"), reporter),
    mirrors: readMirrors(spec, path, reading),
    rewrite: spec.rewrite && readRewrite(spec.rewrite, joinPath(path, "rewrite"), reporter),
  };
  if (inDelegate || spec.delegate) refuseRegexes(spec.match, joinPath(path, "match"), reporter);
  const matches = readMatches(spec.match, joinPath(path, "match"), reading);
  if (!action) return undefined;
  if (action.kind !== "forward" && action.kind !== "delegate" && spec.rewrite)
    reporter.report(joinPath(path, "rewrite"), diagnostics.rewriteOfNothing(action.kind));
  if (spec.redirect && spec.fault) reporter.report(joinPath(path, "fault"), refusals.faultOfRedirect());
  if (spec.rewrite?.authority && headers.host !== undefined)
    reporter.report(joinPath(path, "rewrite.authority"), refusals.authorityTwice());
  return {
    name: spec.name || undefined,
    origin: reading.origin,
    path,
    matches,
    action,
    timeoutMs: spec.timeout,
    requestHeaders: headers.request,
    responseHeaders: headers.response,
    headersHost: headers.host,
    ...rest,
  };
}

/** The rule that a draft comes to. `rewrite.authority` beats the host of the route's headers, and that of the destination's. */
export function finishRoute({ rewrite, headersHost, ...draft }: HttpDraft, action: HttpAction): Omit<HttpRule, "rank"> {
  const mirrors = draft.mirrors ?? [];
  if (action.kind !== "forward") return { ...draft, mirrors, action };
  const authority = rewrite?.authority ?? headersHost ?? action.rewrite?.authority;
  const path = rewrite?.path;
  const isRewritten = authority !== undefined || path !== undefined;
  return { ...draft, mirrors, action: { ...action, rewrite: isRewritten ? { authority, path } : undefined } };
}

function readRewrite(spec: NonNullable<HttpRouteSpec["rewrite"]>, path: string, reporter: Reporter): Rewrite {
  const { authority, uri, uriRegexRewrite: regex } = spec;
  if (authority === undefined && uri === undefined && !regex) reporter.report(path, diagnostics.emptyRewrite());
  if (regex) checkGroups(regex, joinPath(path, "uriRegexRewrite.rewrite"), reporter);
  return { authority, path: pathRewrite(uri, regex) };
}

type RegexRewriteSpec = NonNullable<NonNullable<HttpRouteSpec["rewrite"]>["uriRegexRewrite"]>;

function pathRewrite(uri: string | undefined, regex: RegexRewriteSpec | undefined): PathRewrite | undefined {
  if (regex) return { kind: "regex", pattern: regex.match, substitution: regex.rewrite };
  return uri === undefined ? undefined : { kind: "matched", replacement: uri };
}

/** RE2's rules for a substitution: a backslash stands before a digit of a group that exists, or before another one. */
function checkGroups({ match, rewrite }: RegexRewriteSpec, path: string, reporter: Reporter): void {
  const groups = RE2JS.compile(match).groupCount();
  for (const [sequence] of rewrite.matchAll(/\\(?:.|$)/gs)) {
    const isGroup = /\d/.test(sequence) && Number(sequence.slice(1)) <= groups;
    if (!isGroup && sequence !== "\\\\") reporter.report(path, diagnostics.badSubstitution(sequence, groups));
  }
}

function readDelegation(
  spec: HttpRouteSpec,
  { namespace, name }: NonNullable<HttpRouteSpec["delegate"]>,
  path: string,
  inDelegate: boolean,
  reading: Reading,
): Delegation {
  for (const field of ["route", "redirect", "directResponse"] as const) {
    if (spec[field] !== undefined) reading.reporter.report(joinPath(path, field), diagnostics.delegateNotAlone(field));
  }
  if (inDelegate) reading.reporter.report(joinPath(path, "delegate"), diagnostics.nestedDelegate());
  return { kind: "delegate", namespace: namespace ?? reading.namespace, name };
}

function readAction(spec: HttpRouteSpec, path: string, reading: Reading): HttpAction | undefined {
  const { route = [], redirect, directResponse } = spec;
  const given = [
    route.length > 0 ? "route" : "",
    redirect ? "redirect" : "",
    directResponse ? "directResponse" : "",
  ].filter(Boolean);
  if (given.length > 1) reading.reporter.report(joinPath(path, given[1]!), exclusiveFields(given));
  if (redirect) return { kind: "redirect", redirect: readRedirect(redirect, joinPath(path, "redirect"), reading) };
  if (directResponse) {
    checkBody(directResponse.body, joinPath(path, "directResponse.body"), reading.reporter);
    return { kind: "direct", status: directResponse.status, body: directBody(directResponse.body) };
  }
  if (route.length > 0) {
    const { backends, host } = readDestinations(route, joinPath(path, "route"), reading);
    return { kind: "forward", backends, rewrite: host === undefined ? undefined : { authority: host } };
  }
  reading.reporter.report(path, diagnostics.routeWithoutAction());
  return undefined;
}

type BodySpec = NonNullable<HttpRouteSpec["directResponse"]>["body"];

const LARGE_BODY = 100 * 1_024;
const MOST_BODY = 1_024 * 1_024;

function checkBody({ string: text, bytes }: NonNullable<BodySpec> = {}, path: string, reporter: Reporter): void {
  const size = text !== undefined ? Buffer.byteLength(text) : Buffer.byteLength(bytes ?? "", "base64");
  if (size > MOST_BODY) reporter.report(path, refusals.bodyTooLarge(size));
  else if (size > LARGE_BODY) reporter.report(path, refusals.largeBody(size));
}

function directBody({ string: text, bytes }: NonNullable<BodySpec> = {}): DirectBody | undefined {
  if (text !== undefined) return { kind: "text", text };
  return bytes === undefined ? undefined : { kind: "bytes", base64: bytes };
}

function readRedirect(spec: NonNullable<HttpRouteSpec["redirect"]>, path: string, { reporter }: Reading): Redirect {
  const { uri, prefixRewrite, authority, port, derivePort, scheme } = spec;
  if (!(uri || prefixRewrite || authority || port !== undefined || derivePort !== undefined || scheme))
    reporter.report(path, refusals.saysNothing("redirect", "uri, authority, scheme or port"));
  if (scheme && !["http", "https"].includes(scheme))
    reporter.report(joinPath(path, "scheme"), refusals.redirectScheme(scheme));
  const status = spec.redirectCode || 301;
  if (!isRedirectStatus(status)) reporter.report(joinPath(path, "redirectCode"), diagnostics.redirectStatus(status));
  return {
    status: isRedirectStatus(status) ? status : 301,
    path: redirectPath(spec),
    authority: spec.authority,
    scheme: spec.scheme,
    port: spec.derivePort === "FROM_REQUEST_PORT" ? "request" : spec.port || undefined,
  };
}

function redirectPath({ uri, prefixRewrite }: NonNullable<HttpRouteSpec["redirect"]>): Redirect["path"] {
  if (uri !== undefined) return { kind: "whole", replacement: uri };
  return prefixRewrite === undefined ? undefined : { kind: "matched", replacement: prefixRewrite };
}

/** Istio lets other 3xx pass and then drops the redirect. */
function isRedirectStatus(status: number): status is Redirect["status"] {
  return [301, 302, 303, 307, 308].includes(status);
}
