// What a client is told when a time of its request is up: Envoy's status, text, details and flag for each.

import { GRPC_STATUS } from "../base/grpc-code.ts";
import type { ResponseFlag } from "./response-flags.ts";

/**
 * - `response`: the route's time is up.
 * - `receipt`: the request's last byte did not come in the connection manager's time.
 * - `duration`: the stream is as old as the connection manager lets it become.
 * - `idle`: nothing moved in either direction for the idle time.
 */
export type RequestTimeout = "response" | "receipt" | "duration" | "idle";

export interface TimeoutReply {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  readonly flag: ResponseFlag | undefined;
  /** Of a gRPC call, where it is not what the status implies. */
  readonly grpcStatus: number | undefined;
}

/** `whole`: the request was here to its end, so that it is not the client who was late. */
export function timeoutReply(timeout: RequestTimeout, whole: boolean): TimeoutReply {
  const status = whole ? 504 : 408;
  switch (timeout) {
    case "response":
      return reply(504, "upstream request timeout", "response_timeout", "UT");
    case "receipt":
      return reply(408, "request timeout", "request_overall_timeout");
    case "duration":
      return {
        ...reply(status, "downstream duration timeout", "max_duration_timeout"),
        grpcStatus: GRPC_STATUS.DEADLINE_EXCEEDED,
      };
    case "idle":
      return reply(status, "stream timeout", "stream_idle_timeout", "SI");
  }
}

function reply(status: number, body: string, details: string, flag?: ResponseFlag): TimeoutReply {
  return { status, body, details, flag, grpcStatus: undefined };
}
