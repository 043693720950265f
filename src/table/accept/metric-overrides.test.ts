import { expect, test } from "bun:test";
import { create, type JsonValue } from "@bufbuild/protobuf";
import { MetadataSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { valuesOf } from "../metric-overrides.ts";
import { acceptMetricOverrides, acceptReportingInterval } from "./metric-overrides.ts";
import { Scope } from "./scope.ts";

function accept(metrics: JsonValue) {
  const scope = Scope.root("listener");
  const metadata = create(MetadataSchema, { filterMetadata: { "heddle.dev": { metrics } } });
  return { accepted: acceptMetricOverrides(scope, metadata), rejections: scope.rejections };
}

const FACTS = {
  request: { method: "GET", path: "/a?b=c", authority: "shop", scheme: "http", headers: ["x-team", "web"] },
  response: undefined,
  facts: { localPort: 8080, remotePort: 1 },
  status: 0,
  details: undefined,
  clusterName: "",
  impliedGrpcStatus: 0,
} as unknown as Parameters<typeof valuesOf>[1];

test("metadata of a chain says what is counted otherwise, an expression once for all metrics", () => {
  const { accepted, rejections } = accept([
    { name: "request_bytes", drop: true },
    {
      name: "requests_total",
      tags_to_remove: ["source_app"],
      dimensions: { team: "'shop'", port: "string(destination.port)", path: "request.url_path" },
    },
    { name: "response_bytes", dimensions: { url: "request.url_path", code: "response.code" } },
  ]);
  expect(rejections).toEqual([]);
  const { metrics } = accepted!.overrides;
  expect(metrics.get("istio_request_bytes")?.dropped).toBe(true);
  expect([...metrics.get("istio_requests_total")!.removed]).toEqual(["source_app"]);
  expect([...metrics.get("istio_requests_total")!.set]).toEqual([
    ["team", "shop"],
    ["port", 0],
    ["path", 1],
  ]);
  expect([...metrics.get("istio_response_bytes")!.set]).toEqual([
    ["url", 1],
    ["code", 2],
  ]);
  expect(valuesOf(accepted!, FACTS)).toEqual(["8080", "/a", "unknown"]);
});

test.each<[JsonValue | undefined, number, number]>([
  [undefined, 5_000, 0],
  ["15s", 15_000, 0],
  ["0.25s", 250, 0],
  ["0s", 5_000, 1],
  ["15", 5_000, 1],
  [15, 5_000, 1],
])("byte streams are counted every %p", (written, ms, refused) => {
  const scope = Scope.root("listener");
  const fields = written === undefined ? {} : { tcp_reporting_duration: written };
  const metadata = create(MetadataSchema, { filterMetadata: { "heddle.dev": fields } });
  expect(acceptReportingInterval(scope, metadata)).toBe(ms);
  expect(scope.rejections).toHaveLength(refused);
});

test("chains that say the same have one object, and others none", () => {
  const one = accept([{ name: "request_bytes", drop: true }]).accepted;
  expect(accept([{ name: "request_bytes", drop: true }]).accepted).toBe(one!);
  expect(acceptMetricOverrides(Scope.root(), create(MetadataSchema))).toBeUndefined();
});

test.each<[JsonValue, string]>([
  ["none", ".metrics: not a list"],
  [[{ drop: true }], ".metrics[0].name: missing"],
  [[{ name: "a", tags_to_remove: [1] }], ".tags_to_remove: not a list of labels"],
  [[{ name: "a", dimensions: { "a-b": "'x'" } }], '.dimensions["a-b"]: not the name of a label'],
  [[{ name: "a", dimensions: { le: "'x'" } }], '.dimensions["le"]: not the name of a label'],
  [[{ name: "a", dimensions: { a: "request." } }], "unexpected the end"],
  [[{ name: "a", dimensions: { a: "node.id" } }], "node.id is not supported by Heddle's proxy"],
  [[{ name: "a", dimensions: { a: "request.path.matches('(')" } }], "missing closing )"],
])("%j is refused by its path", (metrics, told) => {
  const { rejections } = accept(metrics);
  expect(rejections.map(({ path, reason }) => `${path}: ${reason}`).join()).toContain(told);
});
