// One request at the external server: both of its directions, and what the server says (Envoy: ext_proc's Filter).

import { create, type JsonObject } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { HeaderList } from "../../../http/headers.ts";
import type { ResponseHead } from "../../../http/stream.ts";
import type { ExtProcFilter, ProcessingMode } from "../../../table/filter/ext-proc.ts";
import { MetadataSchema } from "../../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { ProcessingMode as ModeOverride } from "../../../xds/gen/envoy/extensions/filters/http/ext_proc/v3/processing_mode_pb.ts";
import type {
  CommonResponse,
  ImmediateResponse,
  ProcessingResponse,
} from "../../../xds/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import type { BodySink, FilteredRequest } from "../filter.ts";
import { Direction, type DirectionMode, type DirectionOwner, type ProcessedDirection, type Side } from "./direction.ts";
import { DuplexDirection } from "./duplex-direction.ts";
import { overriddenMode } from "./mode-override.ts";
import { applyMutation, PlainFields, RequestFields, ResponseFields } from "./mutation.ts";
import { ProcessorCall, type ProcessorListener, type ProcessorMessage } from "./processor-call.ts";

export interface ExtProcStats {
  streamsStarted: number;
  messagesSent: number;
  messagesReceived: number;
  spuriousMessages: number;
  streamsFailed: number;
  failureModeAllowed: number;
  messageTimeouts: number;
}

class RequestSide implements Side {
  readonly cases = { headers: "requestHeaders", body: "requestBody", trailers: "requestTrailers" } as const;
  readonly fields: RequestFields;
  readonly #processing: Processing;
  readonly #request: FilteredRequest;

  constructor(processing: Processing, request: FilteredRequest) {
    this.#processing = processing;
    this.#request = request;
    this.fields = new RequestFields(request.head);
  }

  get contentLength(): number {
    return this.#request.head.contentLength;
  }

  set contentLength(length: number) {
    this.#request.head.contentLength = length;
  }

  get mode(): DirectionMode {
    const { requestHeaders, requestBody, requestTrailers } = this.#processing.mode;
    return { headers: requestHeaders, body: requestBody, trailers: requestTrailers };
  }

  release(body: Uint8Array | undefined): void {
    if (body) this.#request.replaceRequestBody(body);
    this.#request.continueRequest();
  }

  pause(): void {
    this.#request.pauseRequest();
  }

  resume(): void {
    this.#request.resumeRequest();
  }

  headersProcessed(answer: CommonResponse | undefined): void {
    const { routeCache } = this.#processing.table;
    if (routeCache === "clear" || (routeCache === "default" && answer?.clearRouteCache)) this.#request.refreshRoute();
  }

  tooLarge(): void {
    this.#processing.answer(413, "Payload Too Large", "request_payload_too_large");
  }
}

class ResponseSide implements Side {
  readonly cases = { headers: "responseHeaders", body: "responseBody", trailers: "responseTrailers" } as const;
  readonly #processing: Processing;
  readonly #request: FilteredRequest;
  #head: ResponseHead | undefined;
  #fields: ResponseFields | undefined;
  next: BodySink | undefined;

  constructor(processing: Processing, request: FilteredRequest) {
    this.#processing = processing;
    this.#request = request;
  }

  set head(head: ResponseHead) {
    this.#head = head;
    this.#fields = new ResponseFields(head);
  }

  get fields(): ResponseFields {
    return this.#fields!;
  }

  get contentLength(): number {
    return this.#head!.contentLength;
  }

  set contentLength(length: number) {
    this.#head!.contentLength = length;
  }

  get mode(): DirectionMode {
    const { responseHeaders, responseBody, responseTrailers } = this.#processing.mode;
    return { headers: responseHeaders, body: responseBody, trailers: responseTrailers };
  }

  release(body: Uint8Array | undefined): void {
    if (body) this.contentLength = body.length;
    this.#request.continueResponse(body !== undefined);
    if (!body) return;
    if (body.length > 0) this.next?.data(body);
    this.next?.end(undefined);
  }

  pause(): void {
    this.#request.pauseResponse();
  }

  resume(): void {
    this.#request.resumeResponse();
  }

  headersProcessed(): void {}

  tooLarge(): void {
    this.#processing.answer(500, "Internal Server Error", "response_payload_too_large");
  }
}

export class Processing implements ProcessorListener, DirectionOwner {
  readonly table: ExtProcFilter;
  mode: ProcessingMode;
  readonly #request: FilteredRequest;
  readonly #stats: ExtProcStats;
  #call: ProcessorCall | undefined;
  /** The server has said its last. */
  #isOver = false;
  #requestDirection: ProcessedDirection | undefined;
  readonly #responseSide: ResponseSide;
  #responseDirection: ProcessedDirection | undefined;
  #responseBegan = false;

  constructor(table: ExtProcFilter, request: FilteredRequest, stats: ExtProcStats) {
    this.table = table;
    this.mode = table.mode;
    this.#request = request;
    this.#stats = stats;
    this.#responseSide = new ResponseSide(this, request);
    request.wrapResponseBody((next) => {
      this.#responseSide.next = next;
      const Kind = table.mode.responseBody === "full-duplex" ? DuplexDirection : Direction;
      this.#responseDirection = new Kind(this, this.#responseSide, next, "passing");
      return this.#responseDirection;
    });
  }

  /** True: the request waits. */
  onRequest(): boolean {
    const request = this.#request;
    const side = new RequestSide(this, request);
    if (request.isHeadOnly) this.#requestDirection = new Direction(this, side, NOWHERE, "idle");
    else
      request.wrapRequestBody((next) => {
        const Kind = this.mode.requestBody === "full-duplex" ? DuplexDirection : Direction;
        this.#requestDirection = new Kind(this, side, next, "idle");
        return this.#requestDirection;
      });
    return this.#requestDirection!.begin(request.isHeadOnly);
  }

  /** True: the response waits. */
  onResponse(head: ResponseHead, end: boolean): boolean {
    if (this.#responseBegan || !this.#responseDirection) return false;
    this.#responseBegan = true;
    if (this.#isOver) return false;
    this.#responseSide.head = head;
    return this.#responseDirection.begin(end);
  }

  // ── to the server ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get isListening(): boolean {
    return !this.#isOver;
  }

  tell(message: ProcessorMessage): boolean {
    if (this.#isOver) return true;
    if (!this.#call) {
      this.#stats.streamsStarted++;
      this.#call = new ProcessorCall(this.#request.connection.context.clusters, this.table.service, this);
    }
    this.#stats.messagesSent++;
    const { sent } = this.table.metadata;
    if (sent.length === 0) return this.#call.send(message);
    return this.#call.send({
      ...message,
      metadataContext: create(MetadataSchema, { filterMetadata: this.#metadata(sent) }),
    });
  }

  #metadata(namespaces: readonly string[]): Record<string, JsonObject> {
    const dynamic = this.#request.metadata("dynamic") ?? {};
    return Object.fromEntries(
      namespaces.flatMap((name) => (Object.hasOwn(dynamic, name) ? [[name, dynamic[name]!] as const] : [])),
    );
  }

  // ── from the server ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onProcessorWritable(): void {
    this.#requestDirection?.onServerWritable();
    this.#responseDirection?.onServerWritable();
  }

  onAnswer(answer: ProcessingResponse): void {
    if (this.#isOver) return;
    this.#stats.messagesReceived++;
    if (answer.overrideMessageTimeout) {
      this.#extend(durationMs(answer.overrideMessageTimeout));
      return;
    }
    this.#takeMetadata(answer.dynamicMetadata);
    const { response } = answer;
    if (response.case === "immediateResponse") this.#answerAtOnce(response.value);
    else if (!this.#apply(answer)) {
      this.#stats.spuriousMessages++;
      this.#fail(500, "spurious_message");
    }
  }

  /** False: it is an answer to nothing that was asked, or does what it may not. */
  #apply({ response, modeOverride }: ProcessingResponse): boolean {
    const isHeaders = response.case === "requestHeaders" || response.case === "responseHeaders";
    if (modeOverride && isHeaders && this.table.allowModeOverride) this.#override(modeOverride);
    switch (response.case) {
      case "requestHeaders":
        return this.#requestDirection?.onHeaders(response.value.response) ?? false;
      case "requestBody":
        return this.#requestDirection?.onBody(response.value.response) ?? false;
      case "requestTrailers":
        return this.#requestDirection?.onTrailers(response.value.headerMutation) ?? false;
      case "responseHeaders":
        return this.#responseBegan && this.#responseDirection!.onHeaders(response.value.response);
      case "responseBody":
        return this.#responseBegan && this.#responseDirection!.onBody(response.value.response);
      case "responseTrailers":
        return this.#responseBegan && this.#responseDirection!.onTrailers(response.value.headerMutation);
      default:
        return false;
    }
  }

  #override(mode: ModeOverride): void {
    this.mode = overriddenMode(this.mode, mode);
  }

  #extend(timeoutMs: number): void {
    if (timeoutMs < 1 || timeoutMs > this.table.maxMessageTimeoutMs) return;
    this.#requestDirection?.extend(timeoutMs);
    this.#responseDirection?.extend(timeoutMs);
  }

  #takeMetadata(metadata: JsonObject | undefined): void {
    if (!metadata || this.table.metadata.taken.size === 0) return;
    for (const [namespace, values] of Object.entries(metadata))
      if (this.table.metadata.taken.has(namespace) && isObject(values))
        this.#request.record.setMetadata(namespace, values);
  }

  #answerAtOnce(answer: ImmediateResponse): void {
    if (this.table.ignoreImmediateResponse) {
      this.#letGo();
      return;
    }
    const headers: HeaderList = [];
    applyMutation(new PlainFields(headers), answer.headers, this.table.rules);
    const details = answer.details.replaceAll(/\s/g, "_");
    this.#stop();
    const { status, body, grpcStatus } = answer;
    this.#reply(status?.code || 200, Buffer.from(body), details, headers, grpcStatus?.status);
  }

  // ── failure ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onMessageTimeout(): void {
    if (this.#isOver) return;
    this.#stats.messageTimeouts++;
    this.#fail(504, "ext_proc_error_per-message_timeout_exceeded");
  }

  onProcessorClosed(code: number, message: string): void {
    if (this.#isOver) return;
    if (code === 0) this.#letGo();
    else this.#fail(500, `ext_proc_error_gRPC_error_${code}{${message.replaceAll(/\s/g, "_")}}`);
  }

  #fail(status: number, details: string): void {
    this.#stats.streamsFailed++;
    if (this.table.failureModeAllow) {
      this.#stats.failureModeAllowed++;
      this.#letGo();
    } else this.answer(status, "", details);
  }

  /** The server is heard no more; what it has not answered to goes on as it is. */
  #letGo(): void {
    this.#isOver = true;
    this.#call?.close();
    this.#requestDirection?.letGo();
    if (this.#responseBegan) this.#responseDirection?.letGo();
  }

  /** Answers in place of what would have come. */
  answer(status: number, body: string, details: string): void {
    this.#stop();
    this.#reply(status, body, details, [], undefined);
  }

  #reply(
    status: number,
    body: string | Uint8Array,
    details: string,
    headers: HeaderList,
    grpcStatus: number | undefined,
  ): void {
    if (this.#request.isCommitted) this.#request.cutOff(undefined, details);
    else this.#request.reply(status, body, details, undefined, headers, grpcStatus);
  }

  #stop(): void {
    this.#isOver = true;
    this.#call?.close();
    this.#requestDirection?.stop();
    if (this.#responseBegan) this.#responseDirection?.stop();
  }

  /** The request is over. */
  end(): void {
    this.#stop();
  }
}

const NOWHERE: BodySink = { data: () => true, end() {} };

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
