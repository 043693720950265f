import { expect, test } from "bun:test";
import { formatOfContentType, negotiateFormat } from "./negotiate.ts";

const PROMETHEUS_2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const PROMETHEUS_3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

test("Prometheus gets OpenMetrics, a browser and curl the text format", () => {
  expect(negotiateFormat(PROMETHEUS_2)).toBe("openmetrics");
  expect(negotiateFormat(PROMETHEUS_3)).toBe("openmetrics");
  expect(negotiateFormat("*/*")).toBe("text");
  expect(negotiateFormat("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")).toBe("text");
  expect(negotiateFormat(null)).toBe("text");
});

test("what is refused, unknown or absurd is not chosen", () => {
  expect(negotiateFormat("application/openmetrics-text;q=0")).toBe("text");
  expect(negotiateFormat("application/openmetrics-text;version=2.0.0")).toBe("text");
  expect(negotiateFormat("application/openmetrics-text;q=high,text/plain;q=0.1")).toBe("text");
  expect(negotiateFormat(`application/openmetrics-text,${"x".repeat(2_000)}`)).toBe("text");
});

test("an answer's format is its content type's", () => {
  expect(formatOfContentType("application/openmetrics-text; version=1.0.0; charset=utf-8")).toBe("openmetrics");
  expect(formatOfContentType("text/plain; version=0.0.4")).toBe("text");
  expect(formatOfContentType(null)).toBe("text");
});
