// A request that the client's proxy sends to a gateway, as egress gateways are used: what is asked at that one then.

import { identityText } from "../model/identity.ts";
import type { RequestFacts } from "../table/request.ts";
import { hostOfUrl, isOfBytes, type Question, startsWithTls } from "./question.ts";
import type { Followed } from "./upstream.ts";

/** Gateways that lead to each other are not followed for ever. */
export const MAX_GATEWAYS = 4;

/** `request` undefined: bytes. Undefined: the request does not come to a gateway, or what is in it cannot be known. */
export function questionAtGateway(
  { workload, address, tls }: Followed,
  request: RequestFacts | undefined,
  asked: Question,
): Question | undefined {
  if (!workload?.proxy?.gateway || !address) return undefined;
  const entry = { kind: "gateway", workload } as const;
  const client = asked.entry.workload;
  const sourceAddress = client.addresses[0] ?? asked.sourceAddress;
  const mutual = tls.mode === "mesh" ? { serverName: tls.sni, principal: identityText(client.identity) } : undefined;
  if (request) {
    const scheme = tls.mode === "none" ? "http" : "https";
    const url = urlOf(scheme, hostIn(request.authority), address.port, request.path);
    const headers = [...request.headers, "host", request.authority];
    return url && { ...asked, entry, method: request.method, url, headers, sourceAddress, mutual };
  }
  if (tls.mode !== "none" || !isOfBytes(asked.url)) return undefined;
  const url = urlOf(startsWithTls(asked.url) ? "tls" : "tcp", hostOfUrl(asked.url), address.port, "");
  return url && { ...asked, entry, url, sourceAddress, mutual };
}

function hostIn(authority: string): string {
  return authority.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

function urlOf(scheme: string, host: string, port: number, path: string): URL | undefined {
  const text = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}
