// Field blocks into heads: which pseudo-header fields a message must, may and must not have (RFC 9113 8.3, RFC 8441 4).

import type { HeaderList } from "../headers.ts";
import { RequestHead, ResponseHead } from "../stream.ts";
import { mayTrail } from "../trailers.ts";
import type { FieldBlock } from "./field-block.ts";

/** The host of a request: `:authority`, or `host` where that is missing; undefined when neither or when they disagree. */
function authorityOf(block: FieldBlock): string | undefined {
  const { authority, host } = block;
  if (authority === undefined || host === undefined) return authority ?? host;
  return authority === host || authority.toLowerCase() === host.toLowerCase() ? authority : undefined;
}

/**
 * The request that a block makes, or undefined when it is malformed. A request with `:protocol` becomes a GET with `upgrade`, as in
 * HTTP/1.1: what decides about it need not know which of the two carried it.
 * @param scheme of the connection, for CONNECT, which has none
 * @param end no body follows
 */
export function toRequestHead(block: FieldBlock, scheme: string, end: boolean): RequestHead | undefined {
  const authority = authorityOf(block);
  const { method, path, protocol } = block;
  if (block.malformed || authority === undefined || method === undefined || block.status !== undefined)
    return undefined;
  if (method === "CONNECT") {
    if (block.contentLength !== -1) return undefined; // a tunnel has no content (RFC 9110 9.3.6)
    if (protocol === undefined) {
      if (path !== undefined || block.scheme !== undefined) return undefined;
      return new RequestHead(method, scheme, authority, "", block.takeHeaders(), "HTTP/2", -1, undefined);
    }
    if (path === undefined || block.scheme === undefined) return undefined;
    const upgrade = protocol.toLowerCase();
    return new RequestHead("GET", block.scheme, authority, path, block.takeHeaders(), "HTTP/2", -1, upgrade);
  }
  if (path === undefined || block.scheme === undefined || protocol !== undefined) return undefined;
  if (path === "*" && method !== "OPTIONS") return undefined;
  if (end && block.contentLength > 0) return undefined;
  const headers = block.takeHeaders();
  return new RequestHead(method, block.scheme, authority, path, headers, "HTTP/2", block.contentLength, undefined);
}

/** The response that a block makes, or undefined when it is malformed. */
export function toResponseHead(block: FieldBlock): ResponseHead | undefined {
  const { status } = block;
  if (block.malformed || status === undefined || status === "101" || hasRequestFields(block)) return undefined;
  return new ResponseHead(Number(status), block.takeHeaders(), block.contentLength);
}

function hasRequestFields(block: FieldBlock): boolean {
  return (
    block.method !== undefined ||
    block.scheme !== undefined ||
    block.authority !== undefined ||
    block.path !== undefined ||
    block.protocol !== undefined
  );
}

/** Trailers, or undefined when they hold what only a head may (RFC 9113 8.1, RFC 9110 6.5.1). */
export function toTrailers(block: FieldBlock): HeaderList | undefined {
  if (block.malformed || block.status !== undefined || hasRequestFields(block)) return undefined;
  if (block.host !== undefined || block.contentLength !== -1) return undefined;
  const trailers = block.takeHeaders();
  for (let i = 0; i < trailers.length; i += 2) if (!mayTrail(trailers[i]!)) return undefined;
  return trailers;
}
