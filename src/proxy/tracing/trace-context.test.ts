import { expect, test } from "bun:test";
import { getHeader, type HeaderList } from "../../http/headers.ts";
import type { Tracer } from "../../table/tracing.ts";
import { childContext, injectContext, receivedContext, spanContext } from "./trace-context.ts";

const TRACE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "a2fb4a1d1a96d312";
const PARENT = "0020000000000001";

const TARGET = { cluster: "c", authority: "c", timeoutMs: 0, headers: [] };
const ZIPKIN: Tracer = { kind: "zipkin", ...TARGET, path: "/", passesW3c: false, wideIds: true, sharesIds: false };
const BOTH: Tracer = { ...ZIPKIN, passesW3c: true };
const OTLP: Tracer = { kind: "opentelemetry", ...TARGET, resource: [], httpPath: undefined };

test.each([
  [`${TRACE}-${SPAN}`, undefined, ""],
  [`${TRACE}-${SPAN}-0`, false, ""],
  [`${TRACE}-${SPAN}-1-${PARENT}`, true, PARENT],
  [`${TRACE}-${SPAN}-d`, true, ""],
] as const)("b3: %s", (value, sampled, parentId) => {
  expect(receivedContext(["b3", value], ZIPKIN)).toMatchObject({ traceId: TRACE, spanId: SPAN, sampled, parentId });
});

test.each(["", "x", `${TRACE}`, `${TRACE}-${SPAN}-2`, `${TRACE}-short-1`])("a b3 of %p cannot be read", (value) => {
  expect(receivedContext(["b3", value], ZIPKIN)).toBeUndefined();
});

test("a decision may come without a trace", () => {
  expect(receivedContext(["b3", "0"], ZIPKIN)).toMatchObject({ traceId: "", sampled: false });
  expect(receivedContext(["x-b3-sampled", "0"], ZIPKIN)).toMatchObject({ traceId: "", sampled: false });
  expect(receivedContext(["x-b3-flags", "1"], ZIPKIN)).toMatchObject({ traceId: "", sampled: true });
  expect(receivedContext([], ZIPKIN)).toMatchObject({ traceId: "", sampled: undefined });
});

test.each([
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
])("a traceparent of %p cannot be read", (value) => {
  expect(receivedContext(["traceparent", value], OTLP)).toBeUndefined();
});

test("a root of Zipkin's has the lower half of its trace's id, and passes on no parent", () => {
  const received = receivedContext([], ZIPKIN)!;
  const context = spanContext(received, ZIPKIN, false);
  expect(context.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(context.traceId.slice(16)).toBe(context.id);
  const headers: HeaderList = ["x-b3-parentspanid", PARENT];
  injectContext(headers, ZIPKIN, context, false);
  expect(getHeader(headers, "x-b3-parentspanid")).toBeUndefined();
  expect(getHeader(headers, "x-b3-sampled")).toBe("0");
  expect(childContext(context)).toMatchObject({ traceId: context.traceId, parentId: context.id });
});

test("a server shares the id of its client's span where it is told to", () => {
  const received = receivedContext(["b3", `${TRACE}-${SPAN}-1-${PARENT}`], ZIPKIN)!;
  const shares = { ...ZIPKIN, sharesIds: true };
  expect(spanContext(received, shares, true)).toMatchObject({ id: SPAN, parentId: PARENT });
  expect(spanContext(received, shares, false)).toMatchObject({ parentId: SPAN });
});

test("beside B3, W3C's form is read where B3 says nothing, and both go on", () => {
  const parent = ["traceparent", `00-${TRACE}-${SPAN}-01`, "tracestate", "a=b"];
  expect(receivedContext(parent, ZIPKIN)).toMatchObject({ traceId: "" });
  expect(receivedContext(parent, BOTH)).toMatchObject({ traceId: TRACE, spanId: SPAN, sampled: true, state: "a=b" });
  expect(receivedContext([...parent, "x-b3-sampled", "0"], BOTH)).toMatchObject({ traceId: "", sampled: false });
  const headers: HeaderList = [];
  injectContext(headers, BOTH, { traceId: PARENT, id: SPAN, parentId: "", state: "" }, true);
  expect(getHeader(headers, "x-b3-traceid")).toBe(PARENT);
  expect(getHeader(headers, "traceparent")).toBe(`00-0000000000000000${PARENT}-${SPAN}-01`);
});
