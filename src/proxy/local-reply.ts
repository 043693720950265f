// Responses of the proxy's own (Envoy: Utility::sendLocalReply).

import { numberedTrailers } from "../grpc/status.ts";
import { getHeader, type HeaderList } from "../http/headers.ts";
import { ResponseHead } from "../http/stream.ts";

export interface LocalReply {
  readonly head: ResponseHead;
  /** Undefined: the head is all. */
  readonly bytes: Uint8Array | undefined;
}

/** `grpcStatus`: the client speaks gRPC, and gets HTTP 200 with this status in the headers; others the text, with its length even when HEAD leaves it out. */
export function localReply(
  status: number,
  body: string | Uint8Array,
  headers: HeaderList,
  grpcStatus: number | undefined,
  headOnly: boolean,
): LocalReply {
  if (grpcStatus !== undefined) {
    const trailers = numberedTrailers(grpcStatus, typeof body === "string" ? body : Buffer.from(body).toString());
    return {
      head: new ResponseHead(200, [...headers, "content-type", "application/grpc", ...trailers], -1),
      bytes: undefined,
    };
  }
  const bytes = Buffer.from(body);
  const empty = bytes.length === 0;
  const fields =
    empty || getHeader(headers, "content-type") !== undefined ? headers : [...headers, "content-type", "text/plain"];
  return { head: new ResponseHead(status, fields, bytes.length), bytes: empty || headOnly ? undefined : bytes };
}
