import { expect, test } from "bun:test";
import type { ZipkinTracer } from "../../table/tracing.ts";
import { Tracers } from "./exporter.ts";
import { Span } from "./span.ts";

const TRACER: ZipkinTracer = {
  kind: "zipkin",
  cluster: "nobody",
  path: "/api/v2/spans",
  authority: "nobody",
  timeoutMs: 0,
  headers: [],
  passesW3c: false,
  wideIds: true,
  sharesIds: false,
};

const span = () => new Span({ traceId: "a", id: "b", parentId: "", state: "" }, "name", "client", 0);

function tracers(minSpans: number): Tracers {
  const made = new Tracers(new Map());
  made.settings.zipkin.minSpans = minSpans;
  return made;
}

test("spans wait for others, and go nowhere without a cluster", () => {
  const made = tracers(3);
  const exporter = made.open(TRACER);
  for (let i = 0; i < 7; i++) exporter.take(span());
  expect(exporter.stats).toMatchObject({ spansSent: 6, reportsSkippedNoCluster: 2, spansDropped: 0 });
  made.close();
  expect(exporter.stats).toMatchObject({ spansSent: 7, reportsSkippedNoCluster: 3 });
});

test("no more than 2,000 wait; the others are dropped and counted", () => {
  const made = tracers(10_000);
  const exporter = made.open(TRACER);
  for (let i = 0; i < 2_010; i++) exporter.take(span());
  expect(exporter.stats).toMatchObject({ spansSent: 0, spansDropped: 10 });
  made.close();
});

test("connection managers that tell the same collector share an exporter", () => {
  const made = tracers(5);
  const exporter = made.open(TRACER);
  expect(made.open({ ...TRACER })).toBe(exporter);
  expect(made.open({ ...TRACER, path: "/other" })).not.toBe(exporter);
});
