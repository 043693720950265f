// Why bytes were refused: the status that is answered, Envoy's response code detail for the access log, and words for who sent them.

import type { ResetReason } from "../stream.ts";

export class Refusal {
  /** What the sender of a request is answered. From an upstream, a refused response is a reset. */
  readonly status: number;
  /** Envoy's response code detail (source/common/http/http1/codec_impl.cc, `Http1ResponseCodeDetails`), where it has one. */
  readonly detail: string;
  /** The body of the answer. It never repeats the sender's bytes. */
  readonly text: string;

  constructor(status: number, detail: string, text: string) {
    this.status = status;
    this.detail = detail;
    this.text = text;
  }

  /** What a stream in progress is told. */
  get reason(): ResetReason {
    if (this.status === 408) return "timeout";
    return this.status === 413 || this.status === 414 || this.status === 431 ? "limit" : "protocol";
  }
}

const CODEC_ERROR = "http1.codec_error";

export const REFUSED = {
  notHttp: new Refusal(400, CODEC_ERROR, "not an HTTP/1.1 message"),
  startLine: new Refusal(400, CODEC_ERROR, "malformed start line"),
  method: new Refusal(400, CODEC_ERROR, "malformed method"),
  target: new Refusal(400, "http1.invalid_url", "malformed request target"),
  scheme: new Refusal(400, "http1.invalid_scheme", "only http and https targets are served"),
  targetTooLong: new Refusal(414, "http1.target_too_long", "request target too long"),
  version: new Refusal(505, "http1.unsupported_version", "only HTTP/1.1 and HTTP/1.0 are spoken here"),
  controlCharacter: new Refusal(400, CODEC_ERROR, "control character or line end other than CRLF in the head"),
  fieldName: new Refusal(400, "http1.invalid_characters", "malformed field name, or white space before its colon"),
  fieldValue: new Refusal(400, "http1.invalid_characters", "control character in a field value"),
  folded: new Refusal(400, CODEC_ERROR, "folded field line"),
  tooManyFields: new Refusal(431, "http1.too_many_headers", "too many header fields"),
  headTooLarge: new Refusal(431, "http1.headers_too_large", "header fields too large"),
  headTimeout: new Refusal(408, "request_header_timeout", "the head took too long"),
  hostMissing: new Refusal(400, "missing_host_header", "missing host"),
  host: new Refusal(400, "http.invalid_authority", "repeated or malformed host"),
  contentLength: new Refusal(400, "http1.content_length_not_allowed", "malformed or repeated content-length"),
  bothLengths: new Refusal(
    400,
    "http1.content_length_and_chunked_not_allowed",
    "content-length and transfer-encoding together",
  ),
  transferEncoding: new Refusal(
    400,
    "http1.invalid_transfer_encoding",
    "transfer-encoding must be chunked, once, on HTTP/1.1",
  ),
  transferCoding: new Refusal(501, "http1.invalid_transfer_encoding", "unknown transfer coding"),
  connectBody: new Refusal(400, "http1.body_disallowed", "CONNECT has no body"),
  connection: new Refusal(400, "http1.connection_header_rejected", "connection options that would hide fields"),
  chunk: new Refusal(400, CODEC_ERROR, "malformed chunk"),
  chunkExtensions: new Refusal(413, "http1.chunk_extensions_too_large", "chunk extensions too large"),
  trailersTooLarge: new Refusal(431, "http1.trailers_too_large", "trailer fields too large"),
  trailer: new Refusal(400, "http1.trailer_not_allowed", "field that is not allowed in trailers"),
  interims: new Refusal(502, "http1.too_many_interim_responses", "too many interim responses"),
  tunnelNotOpened: new Refusal(502, "http1.unexpected_switching_protocols", "101 without a request to switch"),
} as const;
