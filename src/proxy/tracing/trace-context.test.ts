import { expect, test } from "bun:test";
import { getHeader, type HeaderList } from "../../http/headers.ts";
import type { Tracer } from "../../table/tracing.ts";
import { childContext, injectContext, receivedContext, spanContext } from "./trace-context.ts";

const TRACE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "a2fb4a1d1a96d312";
const PARENT = "0020000000000001";

const ZIPKIN: Tracer = { kind: "zipkin", cluster: "c", path: "/", authority: "c", wideIds: true, sharesIds: false };

test.each([
  [`${TRACE}-${SPAN}`, undefined, ""],
  [`${TRACE}-${SPAN}-0`, false, ""],
  [`${TRACE}-${SPAN}-1-${PARENT}`, true, PARENT],
  [`${TRACE}-${SPAN}-d`, true, ""],
] as const)("b3: %s", (value, sampled, parentId) => {
  expect(receivedContext(["b3", value], "zipkin")).toMatchObject({ traceId: TRACE, spanId: SPAN, sampled, parentId });
});

test.each(["", "x", `${TRACE}`, `${TRACE}-${SPAN}-2`, `${TRACE}-short-1`])("a b3 of %p cannot be read", (value) => {
  expect(receivedContext(["b3", value], "zipkin")).toBeUndefined();
});

test("a decision may come without a trace", () => {
  expect(receivedContext(["b3", "0"], "zipkin")).toMatchObject({ traceId: "", sampled: false });
  expect(receivedContext(["x-b3-sampled", "0"], "zipkin")).toMatchObject({ traceId: "", sampled: false });
  expect(receivedContext(["x-b3-flags", "1"], "zipkin")).toMatchObject({ traceId: "", sampled: true });
  expect(receivedContext([], "zipkin")).toMatchObject({ traceId: "", sampled: undefined });
});

test.each([
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
])("a traceparent of %p cannot be read", (value) => {
  expect(receivedContext(["traceparent", value], "opentelemetry")).toBeUndefined();
});

test("a root of Zipkin's has the lower half of its trace's id, and passes on no parent", () => {
  const received = receivedContext([], "zipkin")!;
  const context = spanContext(received, ZIPKIN, false);
  expect(context.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(context.traceId.slice(16)).toBe(context.id);
  const headers: HeaderList = ["x-b3-parentspanid", PARENT];
  injectContext(headers, "zipkin", context, false);
  expect(getHeader(headers, "x-b3-parentspanid")).toBeUndefined();
  expect(getHeader(headers, "x-b3-sampled")).toBe("0");
  expect(childContext(context)).toMatchObject({ traceId: context.traceId, parentId: context.id });
});

test("a server shares the id of its client's span where it is told to", () => {
  const received = receivedContext(["b3", `${TRACE}-${SPAN}-1-${PARENT}`], "zipkin")!;
  const shares = { ...ZIPKIN, sharesIds: true };
  expect(spanContext(received, shares, true)).toMatchObject({ id: SPAN, parentId: PARENT });
  expect(spanContext(received, shares, false)).toMatchObject({ parentId: SPAN });
});
