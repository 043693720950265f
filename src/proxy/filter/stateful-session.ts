// Keeps a session with its host (Envoy: StatefulSession).

import { getHeader, setHeader } from "../../http/headers.ts";
import type { ResponseHead } from "../../http/stream.ts";
import {
  decodeSession,
  encodeSession,
  isUnder,
  type SessionState,
  type StatefulSessionFilter,
} from "../../table/filter/stateful-session.ts";
import { cookieValue } from "../../table/hash-policy.ts";
import type { BoundFilter, FilteredRequest, Verdict } from "./filter.ts";

const seconds = () => Math.floor(Date.now() / 1_000);

/** The host that the request asks for; undefined without one. */
function addressIn(state: SessionState, request: FilteredRequest): string | undefined {
  if (state.kind === "header") {
    const value = getHeader(request.head.headers, state.name);
    return value === undefined ? undefined : Buffer.from(value, "base64").toString("latin1") || undefined;
  }
  const value = cookieValue(request.head, state.name);
  return value === undefined ? undefined : decodeSession(value, seconds());
}

export class StatefulSession implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: StatefulSessionFilter;

  constructor(name: string, disabled: boolean, table: StatefulSessionFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  #tableOf(request: FilteredRequest): StatefulSessionFilter {
    const own = request.routeFilters.get(this.name);
    return own?.kind === "stateful-session" ? own : this.#table;
  }

  onRequest(request: FilteredRequest): Verdict {
    const { state, strict } = this.#tableOf(request);
    if (!state || (state.kind === "cookie" && !isUnder(request.head.path, state.path))) return "continue";
    const label = addressIn(state, request);
    if (label !== undefined) request.overrideHost = { label, strict };
    return "continue";
  }

  onResponse(request: FilteredRequest, head: ResponseHead): "continue" {
    const { state } = this.#tableOf(request);
    const label = request.record.host?.label;
    if (state && label !== undefined && request.overrideHost?.label !== label) tellSession(state, label, request, head);
    return "continue";
  }
}

/** Tells the client which host it was, when it did not know. */
function tellSession(state: SessionState, label: string, request: FilteredRequest, head: ResponseHead): void {
  if (state.kind === "header") {
    setHeader(head.headers, state.name, Buffer.from(label).toString("base64"));
    return;
  }
  const { name, path, ttlSeconds, attributes } = state;
  if (!isUnder(request.head.path, path)) return;
  const value = encodeSession(label, ttlSeconds > 0 ? seconds() + ttlSeconds : 0);
  const age = ttlSeconds > 0 ? `; Max-Age=${ttlSeconds}` : "";
  const where = path === "" ? "" : `; Path=${path}`;
  head.headers.push("set-cookie", `${name}="${value}"${age}${where}${attributes}; HttpOnly`);
}
