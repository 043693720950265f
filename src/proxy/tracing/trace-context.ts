// The place of a span in its trace, as it travels in header fields: B3 with Zipkin, W3C Trace Context with OpenTelemetry.

import { getHeader, type HeaderList, removeHeader, setHeader } from "../../http/headers.ts";
import type { Tracer } from "../../table/tracing.ts";
import { randomHex } from "./random-id.ts";

/** What the caller says. */
export interface ReceivedContext {
  /** "" when it leaves the ids to us. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  /** Undefined: it leaves the decision to us. */
  readonly sampled: boolean | undefined;
  readonly state: string;
}

/** Ids of a span, in hex; `parentId` is "" for a root. */
export interface SpanContext {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string;
  readonly state: string;
}

const NOTHING: ReceivedContext = { traceId: "", spanId: "", parentId: "", sampled: undefined, state: "" };
const SAMPLED = { ...NOTHING, sampled: true };
const UNSAMPLED = { ...NOTHING, sampled: false };

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const B3 = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d]))?(?:-([0-9a-f]{16}))?$/i;
const TRACE_ID = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/i;
const SPAN_ID = /^[0-9a-f]{16}$/i;
const ZERO = /^0+$/;
/** Digits of W3C's trace ids. */
const WIDE_ID = 32;

/** Undefined: what came cannot be read, and the request is not traced (Envoy: ExtractorException). */
export function receivedContext(headers: HeaderList, tracer: Tracer): ReceivedContext | undefined {
  if (tracer.kind === "opentelemetry") return receivedW3c(headers);
  const received = receivedB3(headers);
  return received === NOTHING && tracer.passesW3c ? receivedW3c(headers) : received;
}

function receivedB3(headers: HeaderList): ReceivedContext | undefined {
  const single = getHeader(headers, "b3");
  if (single !== undefined) return readSingle(single);
  const flag = getHeader(headers, "x-b3-sampled");
  const debug = getHeader(headers, "x-b3-flags") === "1";
  const sampled = debug || (flag === undefined ? undefined : flag === "1" || flag === "true");
  const traceId = getHeader(headers, "x-b3-traceid");
  const spanId = getHeader(headers, "x-b3-spanid");
  if (traceId === undefined || spanId === undefined) {
    if (sampled === undefined) return NOTHING;
    return sampled ? SAMPLED : UNSAMPLED;
  }
  const parentId = getHeader(headers, "x-b3-parentspanid") ?? "";
  if (!TRACE_ID.test(traceId) || !SPAN_ID.test(spanId) || (parentId !== "" && !SPAN_ID.test(parentId)))
    return undefined;
  return { traceId, spanId, parentId, sampled, state: "" };
}

function readSingle(value: string): ReceivedContext | undefined {
  if (value === "0") return UNSAMPLED;
  if (value === "1" || value === "d") return SAMPLED;
  const match = B3.exec(value);
  if (!match) return undefined;
  const [, traceId = "", spanId = "", flag, parentId = ""] = match;
  return { traceId, spanId, parentId, sampled: flag === undefined ? undefined : flag !== "0", state: "" };
}

function receivedW3c(headers: HeaderList): ReceivedContext | undefined {
  const value = getHeader(headers, "traceparent");
  if (value === undefined) return NOTHING;
  const match = TRACEPARENT.exec(value);
  if (!match) return undefined;
  const [, traceId = "", spanId = "", flags = ""] = match;
  // W3C Trace Context 3.2.2.3: all zero is no id.
  if (ZERO.test(traceId) || ZERO.test(spanId)) return undefined;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  return { traceId, spanId, parentId: "", sampled, state: getHeader(headers, "tracestate") ?? "" };
}

/** Of the span that a request begins here. */
export function spanContext(received: ReceivedContext, tracer: Tracer, isServer: boolean): SpanContext {
  const { traceId, spanId, parentId, state } = received;
  if (traceId === "") return rootContext(tracer);
  // A server's span that is the client's too: one id for both sides.
  if (tracer.kind === "zipkin" && tracer.sharesIds && isServer) return { traceId, id: spanId, parentId, state };
  return { traceId, id: randomHex(8), parentId: spanId, state };
}

/** Zipkin's root has the lower half of its trace's id. */
function rootContext(tracer: Tracer): SpanContext {
  if (tracer.kind === "opentelemetry") return { traceId: randomHex(16), id: randomHex(8), parentId: "", state: "" };
  const id = randomHex(8);
  return { traceId: tracer.wideIds ? randomHex(8) + id : id, id, parentId: "", state: "" };
}

export function childContext({ traceId, id, state }: SpanContext): SpanContext {
  return { traceId, id: randomHex(8), parentId: id, state };
}

/** Tells the next hop, in the form in which the caller told us. */
export function injectContext(
  headers: HeaderList,
  tracer: Tracer,
  { traceId, id, parentId, state }: SpanContext,
  sampled: boolean,
): void {
  if (tracer.kind === "opentelemetry" || tracer.passesW3c) {
    setHeader(headers, "traceparent", `00-${traceId.padStart(WIDE_ID, "0")}-${id}-${sampled ? "01" : "00"}`);
    if (state !== "") setHeader(headers, "tracestate", state);
  }
  if (tracer.kind === "opentelemetry") return;
  const flag = sampled ? "1" : "0";
  if (getHeader(headers, "b3") !== undefined) {
    setHeader(headers, "b3", `${traceId}-${id}-${flag}${parentId === "" ? "" : `-${parentId}`}`);
    return;
  }
  setHeader(headers, "x-b3-traceid", traceId);
  setHeader(headers, "x-b3-spanid", id);
  if (parentId === "") removeHeader(headers, "x-b3-parentspanid");
  else setHeader(headers, "x-b3-parentspanid", parentId);
  setHeader(headers, "x-b3-sampled", flag);
}
