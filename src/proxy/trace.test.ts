import { expect, test } from "bun:test";
import { getHeader, type HeaderList } from "../http/headers.ts";
import { continueTrace } from "./trace.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

test("a request without a trace begins one, in both forms with the same ids", () => {
  const headers: HeaderList = [];
  continueTrace(headers, { numerator: 100, denominator: 100 });
  const [, trace, span, flags] = getHeader(headers, "traceparent")!.split("-");
  expect(trace).toMatch(/^[0-9a-f]{32}$/);
  expect(flags).toBe("01");
  expect(getHeader(headers, "x-b3-traceid")).toBe(trace!);
  expect(getHeader(headers, "x-b3-spanid")).toBe(span!);
  expect(getHeader(headers, "x-b3-sampled")).toBe("1");
});

test("a W3C trace goes on with a span of ours and without B3", () => {
  const headers: HeaderList = ["traceparent", `00-${TRACE}-00f067aa0ba902b7-01`];
  continueTrace(headers, { numerator: 0, denominator: 100 });
  expect(getHeader(headers, "traceparent")).toMatch(new RegExp(`^00-${TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  expect(getHeader(headers, "x-b3-traceid")).toBeUndefined();
});

test("a B3 trace goes on with the caller's span as the parent", () => {
  const headers: HeaderList = ["x-b3-traceid", TRACE, "x-b3-spanid", "00f067aa0ba902b7", "x-b3-sampled", "0"];
  continueTrace(headers, { numerator: 100, denominator: 100 });
  expect(getHeader(headers, "x-b3-parentspanid")).toBe("00f067aa0ba902b7");
  expect(getHeader(headers, "x-b3-spanid")).toMatch(/^[0-9a-f]{16}$/);
  expect(getHeader(headers, "x-b3-sampled")).toBe("0");
  expect(getHeader(headers, "traceparent")).toBeUndefined();
});

test.each(["", "00-xyz", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, `ff-${TRACE}-00f067aa0ba902b7-01`])(
  "a malformed traceparent %p is followed by a trace of our own",
  (value) => {
    const headers: HeaderList = ["traceparent", value];
    continueTrace(headers, { numerator: 0, denominator: 100 });
    expect(getHeader(headers, "x-b3-traceid")).toMatch(/^[0-9a-f]{32}$/);
  },
);

test("sampling is drawn once per trace", () => {
  let sampled = 0;
  for (let i = 0; i < 2_000; i++) {
    const headers: HeaderList = [];
    continueTrace(headers, { numerator: 25, denominator: 100 });
    if (getHeader(headers, "x-b3-sampled") === "1") sampled++;
  }
  expect(sampled).toBeGreaterThan(400);
  expect(sampled).toBeLessThan(600);
});
