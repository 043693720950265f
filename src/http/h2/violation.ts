// What ends a connection: the code of its GOAWAY, and the detail that operators know from Envoy's access log where it has one.

import { ERROR, type ErrorCode } from "./frame.ts";

export interface Violation {
  readonly code: ErrorCode;
  readonly detail: string;
}

function violation(code: ErrorCode, detail: string): Violation {
  return { code, detail };
}

export const VIOLATION = {
  preface: violation(ERROR.protocolError, "http2.bad_preface"),
  frameOrder: violation(ERROR.protocolError, "http2.unexpected_frame"),
  streamId: violation(ERROR.protocolError, "http2.bad_stream_id"),
  payload: violation(ERROR.protocolError, "http2.bad_payload"),
  frameSize: violation(ERROR.frameSizeError, "http2.frame_size"),
  closedStream: violation(ERROR.streamClosed, "http2.frame_on_closed_stream"),
  flowControl: violation(ERROR.flowControlError, "http2.violation.of.flow.control"),
  compression: violation(ERROR.compressionError, "http2.header_compression"),
  controlFlood: violation(ERROR.enhanceYourCalm, "http2.inbound_control_frames_flood"),
  emptyFlood: violation(ERROR.enhanceYourCalm, "http2.inbound_empty_frames_flood"),
  outboundFlood: violation(ERROR.enhanceYourCalm, "http2.outbound_control_flood"),
  headerFlood: violation(ERROR.enhanceYourCalm, "http2.header_block_flood"),
  prematureResets: violation(ERROR.enhanceYourCalm, "http2.premature_resets"),
  headTimeout: violation(ERROR.enhanceYourCalm, "http2.head_timeout"),
} as const;
