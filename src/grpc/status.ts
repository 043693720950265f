// gRPC's status codes and their form in trailers (gRPC over HTTP/2, "Responses").

import { GRPC_CODES, GRPC_STATUS, type GrpcCode } from "../base/grpc-code.ts";
import { getHeader, type HeaderList } from "../http/headers.ts";

export interface GrpcStatus {
  readonly code: GrpcCode;
  readonly message: string;
}

export const GRPC_OK: GrpcStatus = { code: "OK", message: "" };

/** `%` and what is not printable ASCII are percent-encoded as UTF-8. */
function encodeMessage(message: string): string {
  return message.replace(/[^ -$&-~]+/g, (text) =>
    Array.from(new TextEncoder().encode(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(
      "",
    ),
  );
}

/** What cannot be decoded is shown as it came: a status must never be lost for its message. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** By its content-type: `application/grpc`, with a suffix or parameters, but not `application/grpc-web`. */
export function isGrpc(headers: HeaderList): boolean {
  return /^application\/grpc(?:[+;]|$)/i.test(getHeader(headers, "content-type") ?? "");
}

export function statusTrailers({ code, message }: GrpcStatus): HeaderList {
  return numberedTrailers(GRPC_STATUS[code], message);
}

/** For a status that comes as a number, possibly one that has no name. */
export function numberedTrailers(status: number, message: string): HeaderList {
  const trailers = ["grpc-status", String(status)];
  if (message !== "") trailers.push("grpc-message", encodeMessage(message));
  return trailers;
}

/** The status in trailers, or in the headers of a response that has nothing else. */
export function readStatus(headers: HeaderList | undefined): GrpcStatus | undefined {
  const text = headers && getHeader(headers, "grpc-status");
  if (text === undefined) return undefined;
  const code = /^\d{1,2}$/.test(text) ? GRPC_CODES[Number(text)] : undefined;
  return { code: code ?? "UNKNOWN", message: decodeMessage(getHeader(headers!, "grpc-message") ?? "") };
}

/** The status as a number, known or not; undefined when there is none, or no number. */
export function statusNumber(headers: HeaderList): number | undefined {
  const text = getHeader(headers, "grpc-status");
  return text !== undefined && /^\d{1,2}$/.test(text) ? Number(text) : undefined;
}

/** The status of a response that is not gRPC (http-grpc-status-mapping.md). */
export function statusOfHttp(status: number): GrpcStatus {
  const message = `HTTP status ${status} instead of a gRPC response`;
  switch (status) {
    case 400:
      return { code: "INTERNAL", message };
    case 401:
      return { code: "UNAUTHENTICATED", message };
    case 403:
      return { code: "PERMISSION_DENIED", message };
    case 404:
      return { code: "UNIMPLEMENTED", message };
    case 429:
    case 502:
    case 503:
    case 504:
      return { code: "UNAVAILABLE", message };
    default:
      return { code: "UNKNOWN", message };
  }
}

const HTTP_OF_GRPC: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** The HTTP status that means what a gRPC status says (Envoy: Grpc::Utility::grpcToHttpStatus). */
export function httpOfStatus(status: number): number {
  return HTTP_OF_GRPC[status] ?? 500;
}
