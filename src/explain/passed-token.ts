// A request as it leaves the verification of its token (envoy.filters.http.jwt_authn).

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { TokenIssuer } from "../model/request-authentication.ts";
import type { RequestFacts } from "../table/request.ts";

function without(headers: readonly string[], names: ReadonlySet<string>): readonly string[] {
  return headers.filter((_, i) => !names.has(headers[i - (i % 2)]!));
}

/** Dots lead inwards, as in Envoy's claim_to_headers. */
function claimOf(claims: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = claims;
  for (const key of path.split("."))
    value = typeof value === "object" && value !== null && !Array.isArray(value) ? value[key] : undefined;
  return value;
}

function textOf(value: JsonValue): string {
  return typeof value === "object" ? Buffer.from(JSON.stringify(value)).toString("base64url") : String(value);
}

/** Without the token unless the issuer's is passed on, and with what is told of it; whoever sends those headers himself is not believed. */
export function passedOn(request: RequestFacts, issuer: TokenIssuer, claims: JsonObject): RequestFacts {
  const { forwardsToken, payloadHeader, claimHeaders } = issuer;
  const own = [...claimHeaders.map(({ header }) => header), ...(payloadHeader ? [payloadHeader] : [])];
  const removed = new Set([...own.map((name) => name.toLowerCase()), ...(forwardsToken ? [] : ["authorization"])]);
  const told = claimHeaders.flatMap(({ header, claim }) => {
    const value = claimOf(claims, claim);
    return value === undefined || value === null ? [] : [header.toLowerCase(), textOf(value)];
  });
  const payload = payloadHeader ? [payloadHeader.toLowerCase(), textOf(claims)] : [];
  return { ...request, headers: [...without(request.headers, removed), ...told, ...payload] };
}
