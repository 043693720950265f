// Trace context: passed on as it came, made where there is none (W3C traceparent, B3). The proxy is a span between caller and callee,
// so the span id is its own.

import { getHeader, type HeaderList, setHeader } from "../http/headers.ts";
import type { Share } from "../table/tracing.ts";
import { randomHex } from "./tracing/random-id.ts";

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const HEX_ID = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/;

/** W3C Trace Context 3.2.2.3: all zero is no id. */
function isZero(id: string): boolean {
  return /^0+$/.test(id);
}

/**
 * Continues the trace of a request, or begins one, of which `share` are sampled. What comes in W3C's form goes out in it, B3 likewise;
 * a new trace goes out in both, so that applications may forward either.
 */
export function continueTrace(headers: HeaderList, share: Share): void {
  const span = randomHex(8);
  const traceparent = getHeader(headers, "traceparent");
  const w3c = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  const b3Trace = getHeader(headers, "x-b3-traceid");
  let known = false;
  if (w3c !== null && !isZero(w3c[1]!) && !isZero(w3c[2]!)) {
    setHeader(headers, "traceparent", `00-${w3c[1]}-${span}-${w3c[3]}`);
    known = true;
  }
  if (b3Trace !== undefined && HEX_ID.test(b3Trace)) {
    const parent = getHeader(headers, "x-b3-spanid");
    if (parent !== undefined) setHeader(headers, "x-b3-parentspanid", parent);
    setHeader(headers, "x-b3-spanid", span);
    known = true;
  }
  if (known || getHeader(headers, "b3") !== undefined) return;
  beginTrace(headers, span, share);
}

function beginTrace(headers: HeaderList, span: string, { numerator, denominator }: Share): void {
  const trace = randomHex(16);
  const sampled = Math.random() * denominator < numerator;
  headers.push("traceparent", `00-${trace}-${span}-${sampled ? "01" : "00"}`);
  headers.push("x-b3-traceid", trace, "x-b3-spanid", span, "x-b3-sampled", sampled ? "1" : "0");
}

/** Says anew whether the trace that the headers carry is sampled. */
export function setSampled(headers: HeaderList, sampled: boolean): void {
  const traceparent = getHeader(headers, "traceparent");
  if (traceparent !== undefined && TRACEPARENT.test(traceparent))
    setHeader(headers, "traceparent", `${traceparent.slice(0, -2)}${sampled ? "01" : "00"}`);
  if (getHeader(headers, "x-b3-traceid") !== undefined) setHeader(headers, "x-b3-sampled", sampled ? "1" : "0");
}
