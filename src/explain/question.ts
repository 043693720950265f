// What is asked: who sends which request.

import type { JsonObject } from "@bufbuild/protobuf";
import type { Workload } from "../model/workload.ts";
import type { RequestFacts } from "../table/request.ts";

export interface Question {
  /** Whose proxy sees the request first: the client's own, or a gateway, whose clients are outside of the mesh. */
  readonly entry: { readonly kind: "sidecar" | "gateway"; readonly workload: Workload };
  readonly method: string;
  readonly url: URL;
  /** Names in lower case and values, in turns. */
  readonly headers: readonly string[];
  readonly sourceAddress: string;
  /** Of a token that an issuer has signed; undefined: the request has none but what its headers say. */
  readonly claims: JsonObject | undefined;
  /** It came by mutual TLS of the mesh: what the hello named, and who the client proved to be. */
  readonly mutual?: { readonly serverName: string; readonly principal: string } | undefined;
}

export function portOfUrl(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return startsWithTls(url) ? 443 : 80;
}

/** Whether the client begins with a hello. */
export function startsWithTls({ protocol }: URL): boolean {
  return protocol === "https:" || protocol === "tls:";
}

/** Whether it sends bytes that are no HTTP, as far as anybody knows: `tcp://db:5432`, `tls://db:5432`. */
export function isOfBytes({ protocol }: URL): boolean {
  return protocol === "tcp:" || protocol === "tls:";
}

/** Without brackets, as addresses are compared. */
export function hostOfUrl({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** The head of the request as the client writes it. */
export function requestOf({ method, url, headers }: Question): RequestFacts {
  const given = headers.findIndex((name, i) => i % 2 === 0 && name === "host");
  return {
    method,
    scheme: url.protocol.slice(0, -1),
    authority: given === -1 ? url.host : (headers[given + 1] ?? ""),
    path: method === "CONNECT" ? "" : `${url.pathname}${url.search}`,
    headers: given === -1 ? headers : headers.filter((_, i) => i !== given && i !== given + 1),
  };
}
