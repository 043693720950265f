// What is seen of a request in words in which two proxies can be compared.

import type { Received } from "../xds/behaviour.ts";
import type { LogLine } from "../xds/logs.ts";
import type { ClientResponse } from "../xds/response.ts";
import type { Field } from "../xds/wire.ts";
import { comparable, comparableRequest, isRefusedEarly } from "./declared.ts";
import type { Seen } from "./exchange.ts";
import type { AskedRequest } from "./requests.ts";

export type Words = Readonly<Record<string, string>>;

const MARK = /^\d+[a-z]~/;

function headersText(fields: readonly Field[]): string {
  return fields.map(([name, value]) => `${name}: ${value}`).join("\n");
}

function requestText(request: Received): string {
  const { app, method, path, authority } = request;
  return `${app} ${method} ${authority} ${path}\n${headersText(comparableRequest(request))}`;
}

/** A cluster without the mark of its mesh. */
export function clusterIn({ asked = "" }: LogLine): string {
  return asked.replace(MARK, "");
}

function lineText(line: LogLine): string {
  const { code, flags, details, route, attempts, method, path } = line;
  return [code, flags, details, route, clusterIn(line), attempts, method, path].join(" ");
}

function listText(texts: readonly string[]): string {
  return texts.toSorted().join("\n\n");
}

/** The echo is what the application got, which stands by itself. */
export function bodyOf({ text }: ClientResponse): string {
  return text.startsWith('{"app":') ? "echo" : text;
}

export function wordsOf({ response, received, line, serverLines }: Seen): Words {
  const answer =
    typeof response === "string"
      ? { status: "none", headers: "", body: "" }
      : { status: String(response.status), headers: headersText(comparable(response.headers)), body: bodyOf(response) };
  return {
    ...answer,
    received: listText(received.map(requestText)),
    log: line ? lineText(line) : "",
    serverLog: listText(serverLines.map(lineText)),
  };
}

/** Line by line: what only the first has, and what only the second has. */
function change(wanted: string, found: string): string {
  const [some, others] = [wanted.split("\n"), found.split("\n")];
  const less = some.filter((line) => !others.includes(line)).map((line) => `- ${line}`);
  const more = others.filter((line) => !some.includes(line)).map((line) => `+ ${line}`);
  return [...less, ...more].join(" | ") || `${wanted} → ${found}`;
}

/** By field: what only `wanted` has (-) and only `found` has (+). Undefined: they agree. */
export function difference(wanted: Words, found: Words): Words | undefined {
  const pairs = Object.keys(wanted)
    .filter((field) => wanted[field] !== found[field])
    .map((field) => [field, change(wanted[field]!, found[field] ?? "")] as const);
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}

/** Where Heddle's proxy does otherwise than Envoy and has no reason to. */
export function unlike(request: AskedRequest, envoy: Seen, heddle: Seen): Words | undefined {
  const found = wordsOf(heddle);
  if (!isRefusedEarly(request)) return difference(wordsOf(envoy), found);
  const { status, received } = found;
  return received === "" && (status === "400" || status === "none") ? undefined : { early: `${status} ${received}` };
}
