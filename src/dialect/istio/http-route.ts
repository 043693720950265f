// One entry of a VirtualService's `http`.

import type { HttpAction, HttpRule, Redirect } from "../../model/route.ts";
import { exclusiveFields, notSupportedYet } from "../diagnostics.ts";
import { joinPath } from "../path.ts";
import { readDestinations } from "./destinations.ts";
import * as diagnostics from "./diagnostics.ts";
import { readHeaders } from "./http-headers.ts";
import { readMatches } from "./http-match.ts";
import type { Reading } from "./reading.ts";
import { readRetry } from "./retry.ts";
import type { HttpRouteSpec } from "./virtual-service-schema.ts";

export interface Delegation {
  readonly kind: "delegate";
  readonly namespace: string;
  readonly name: string;
  /** What the delegate's routes rewrite the host to unless they say otherwise. */
  readonly authority?: string | undefined;
}

/** A rule before its place among the others is known. */
export interface HttpDraft extends Omit<HttpRule, "rank" | "action"> {
  readonly action: HttpAction | Delegation;
}

/** Undefined when it says nothing to do (reported) or is for other gateways alone. */
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
  const retry = readRetry(spec.retries, joinPath(path, "retries"), reporter);
  const read = readMatches(spec.match, joinPath(path, "match"), reading);
  if (!action || read.kind === "never") return undefined;
  return {
    name: spec.name || undefined,
    origin: reading.origin,
    path,
    matches: read.matches,
    action: withAuthority(action, spec.rewrite?.authority ?? headers.host),
    timeoutMs: spec.timeout,
    retry,
    requestHeaders: headers.request,
    responseHeaders: headers.response,
  };
}

/** `rewrite.authority` beats the route's headers, and those the destination's, which `action` has already. */
function withAuthority(action: HttpDraft["action"], authority: string | undefined): HttpDraft["action"] {
  if (authority === undefined) return action;
  if (action.kind === "delegate") return { ...action, authority };
  return action.kind === "forward" ? { ...action, rewrite: { authority } } : action;
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
  if (directResponse) return { kind: "direct", status: directResponse.status, body: directResponse.body?.string };
  if (route.length > 0) {
    const { backends, host } = readDestinations(route, joinPath(path, "route"), reading);
    return { kind: "forward", backends, rewrite: host === undefined ? undefined : { authority: host } };
  }
  reading.reporter.report(path, diagnostics.routeWithoutAction());
  return undefined;
}

function readRedirect(spec: NonNullable<HttpRouteSpec["redirect"]>, path: string, { reporter }: Reading): Redirect {
  const status = spec.redirectCode ?? 301;
  if (!isRedirectStatus(status)) reporter.report(joinPath(path, "redirectCode"), diagnostics.redirectStatus(status));
  if (spec.derivePort === "FROM_REQUEST_PORT") {
    reporter.report(joinPath(path, "derivePort"), notSupportedYet("FROM_REQUEST_PORT", "the location has no port"));
  }
  return {
    status: isRedirectStatus(status) ? status : 301,
    path: spec.uri,
    authority: spec.authority,
    scheme: spec.scheme,
    port: spec.port,
  };
}

/** Istio lets other 3xx pass and then drops the redirect. */
function isRedirectStatus(status: number): status is Redirect["status"] {
  return [301, 302, 303, 307, 308].includes(status);
}
