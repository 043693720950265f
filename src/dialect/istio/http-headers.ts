// Header operations, and the rewrite of the host that hides among them.

import { compareText } from "../../model/origin.ts";
import { type Header, type HeaderOperations, NO_HEADERS } from "../../model/route.ts";
import { badHeaderValue } from "../diagnostics.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import * as refusals from "./refusals.ts";
import type { HeadersSpec } from "./virtual-service-schema.ts";

export interface HeadersRead {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
  /** `host` or `:authority` among the request's headers; `set` beats `add`. */
  readonly host?: string | undefined;
}

type OperationsSpec = NonNullable<HeadersSpec["request"]>;

export function readHeaders(spec: HeadersSpec | undefined, path: string, reporter: Reporter): HeadersRead {
  const request = spec?.request;
  checkHost(spec, path, reporter);
  return {
    request: operations(request, joinPath(path, "request"), reporter),
    response: operations(spec?.response, joinPath(path, "response"), reporter),
    host: hostOf(request?.set) ?? hostOf(request?.add),
  };
}

function hostOf(headers: OperationsSpec["set"]): string | undefined {
  return Object.entries(headers ?? {}).find(([name]) => isHost(name))?.[1];
}

function isHost(name: string): boolean {
  return /^(?:host|:authority)$/i.test(name);
}

/** `set` and `add` of a request rewrite it; nothing else can change it. */
function checkHost(spec: HeadersSpec | undefined, path: string, reporter: Reporter): void {
  const { request, response } = spec ?? {};
  for (const [what, { remove = [] } = {}] of [
    ["request", request],
    ["response", response],
  ] as const)
    for (const [i, name] of remove.entries())
      if (isHost(name) || name.startsWith(":"))
        reporter.report(joinPath(joinPath(path, `${what}.remove`), i), refusals.hostOfMessage(name, "removed"));
  for (const operation of ["set", "add"] as const)
    for (const name of Object.keys(response?.[operation] ?? {}).filter(isHost))
      reporter.report(
        joinPath(path, `response.${operation}.${name}`),
        refusals.hostOfMessage(name, "set in a response"),
      );
  const setters = (["set", "add"] as const).filter((operation) => hostOf(request?.[operation]) !== undefined);
  if (setters.length > 1) reporter.report(joinPath(path, "request.add"), refusals.authorityTwice());
}

function operations(spec: OperationsSpec | undefined, path: string, reporter: Reporter): HeaderOperations {
  if (!spec) return NO_HEADERS;
  const remove = (spec.remove ?? []).map((name) => name.toLowerCase());
  return {
    set: headers(spec.set, joinPath(path, "set"), reporter),
    add: headers(spec.add, joinPath(path, "add"), reporter),
    remove: [...new Set(remove)].sort(),
  };
}

/** Sorted by name, without pseudo headers. */
function headers(spec: OperationsSpec["set"], path: string, reporter: Reporter): readonly Header[] {
  const found: Header[] = [];
  for (const [name, value] of Object.entries(spec ?? {})) {
    const at = joinPath(path, name);
    if (!isHeaderValue(value)) reporter.report(at, badHeaderValue(name, value));
    if (isHost(name)) continue;
    if (name.startsWith(":")) reporter.report(at, diagnostics.pseudoHeader(name));
    else found.push({ name: name.toLowerCase(), value });
  }
  return found.sort((a, b) => compareText(a.name, b.name));
}

/** Visible characters, spaces and tabs; `%` only as `%%` or in an operator (`%DOWNSTREAM_REMOTE_ADDRESS%`, `%REQ(X)%`). */
function isHeaderValue(value: string): boolean {
  return /^(?:[\t\x20-\x24\x26-\x7e\x80-\xff]|%%|%[A-Z_]+(?:\([^()%]*\))?(?::\d+)?%)*$/.test(value);
}
