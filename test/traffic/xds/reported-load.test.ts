// Weights by the load that hosts report (client_side_weighted_round_robin): where reports stand, how they are read, what they come to.

import { expect } from "bun:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { OrcaLoadReportSchema } from "../../../src/xds/gen/xds/data/orca/v3/orca_load_report_pb.ts";
import { DIRECT, type EndpointParts } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { type Traffic, traffic } from "./traffic.ts";
import type { Field } from "./wire.ts";

const EXTENSION = extension(
  "envoy.load_balancing_policies.client_side_weighted_round_robin",
  "extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin",
);

/** Reports count at once. */
function byReports(fields: Message = {}): Message {
  const typed_config = {
    ...(EXTENSION.typed_config as Message),
    blackout_period: "0s",
    weight_update_period: "0.1s",
    ...fields,
  };
  return { policies: [{ typed_extension_config: { ...EXTENSION, typed_config } }] };
}

const cluster = (fields: Message = {}): Message => ({ load_balancing_policy: byReports(fields) });
const ALIKE: readonly EndpointParts[] = ["v1", "v2", "v3"];
const NAMES = ["v1", "v2", "v3"] as const;

const METRICS = "endpoint-load-metrics";
const text = (metrics: string): readonly Field[] => [[METRICS, `TEXT ${metrics}`]];
/** A report that comes to this weight. */
const weight = (value: number) => text(`rps_fractional=${value},application_utilization=1`);

function binary(fields: MessageInitShape<typeof OrcaLoadReportSchema>): string {
  return Buffer.from(toBinary(OrcaLoadReportSchema, create(OrcaLoadReportSchema, fields))).toString("base64");
}

function report({ application }: Traffic, ...reports: readonly (readonly Field[])[]): void {
  for (const [i, headers] of reports.entries()) application[NAMES[i]!].script(() => ({ kind: "echo", headers }));
}

/** How many of 60 requests, one after the other, each application gets. */
async function shares({ client, application }: Traffic): Promise<readonly number[]> {
  const counts = () => NAMES.map((name) => application[name].requests.length);
  const before = counts();
  await client.inTurn(60, "/");
  return counts().map((count, i) => count - before[i]!);
}

const near = (seen: readonly number[], expected: readonly number[]) =>
  seen.every((count, i) => Math.abs(count - expected[i]!) <= 2);

/** New weights are in force when the proxy has reckoned them: until then, requests go on. */
async function settles(on: Traffic, ...expected: readonly number[]): Promise<void> {
  let seen: readonly number[] = [];
  for (let round = 0; round < 60; round++) {
    seen = await shares(on);
    if (near(seen, expected)) return;
    await Bun.sleep(20);
  }
  expect(seen).toEqual(expected);
}

traffic("requests go by the weights that hosts report", { cluster: cluster(), endpoints: ALIKE }, async (on) => {
  report(on, weight(300), weight(200), weight(100));
  await settles(on, 30, 20, 10);
  report(on, weight(100), weight(200), weight(300));
  await settles(on, 10, 20, 30);
});

const RPS = "rps_fractional=300";
const PAYLOAD = binary({ rpsFractional: 300, cpuUtilization: 1, namedMetrics: { ab: 1 } });
const named = (...names: string[]): Message => ({ metric_names_for_computing_utilization: names });

// The second and the third host have 200 and 100.
for (const [name, first, fields] of [
  ["utilization of the processor", text(`${RPS},cpu_utilization=1`), {}],
  ["the application's before the processor's", text(`${RPS},cpu_utilization=9,application_utilization=1`), {}],
  [
    "a named metric before both",
    text(`${RPS},named_metrics.queue=1,application_utilization=9`),
    named("named_metrics.queue"),
  ],
  [
    "the largest of several",
    text(`${RPS},named_metrics.queue=0.1,mem_utilization=1,utilization.disk=0.5`),
    named("named_metrics.queue", "mem_utilization", "utilization.disk"),
  ],
  ["all of a map", text(`${RPS},named_metrics.a=0.1,named_metrics.b=1`), named("named_metrics.*")],
  [
    "none of the named ones",
    text(`${RPS},named_metrics.queue=9,application_utilization=1`),
    named("named_metrics.other", "queue"),
  ],
  [
    "errors, which add to it",
    text("rps_fractional=600,eps=300,application_utilization=1"),
    { error_utilization_penalty: 2 },
  ],
  ["errors, which add nothing unless it is said", text(`${RPS},eps=300,application_utilization=1`), {}],
  ["colons, spaces and powers of ten", text(" rps_fractional:3e2 ,, cpu_utilization= +1. "), {}],
  ["JSON", [[METRICS, 'JSON {"rps_fractional": 300, "cpuUtilization": 1}']], {}],
  ["binary", [[METRICS, `BIN ${binary({ rpsFractional: 300, cpuUtilization: 1 })}`]], {}],
  ["gRPC's own field", [["endpoint-load-metrics-bin", binary({ rpsFractional: 300, cpuUtilization: 1 })]], {}],
  ["base64 without its padding", [["endpoint-load-metrics-bin", PAYLOAD.replaceAll("=", "")]], {}],
] as const)
  traffic(`a report is read: ${name}`, { cluster: cluster(fields), endpoints: ALIKE, legs: DIRECT }, async (on) => {
    report(on, first, weight(200), weight(100));
    await settles(on, 30, 20, 10);
  });

// Read, they would be a weight of 900. The others have 300 and 100, and their median is 200.
for (const [name, first] of [
  ["without a form", [[METRICS, "rps_fractional=900,cpu_utilization=1"]]],
  ["a metric that is not known", text("rps_fractional=900,cpu_utilization=1,foo=1")],
  ["a metric twice", text("rps_fractional=900,cpu_utilization=1,eps=1,eps=1")],
  ["a name and a blank", text("rps_fractional =900,cpu_utilization=1")],
  ["no number", text("rps_fractional=900,cpu_utilization=1,eps=1s")],
  ["not a number", text("rps_fractional=900,cpu_utilization=1,eps=nan")],
  ["a name without a metric", text("rps_fractional=900,cpu_utilization=1,named_metrics.=1")],
  ["costs of a request", text("rps_fractional=900,cpu_utilization=1,request_cost.a=1")],
  ["two fields, of which the first counts", [...text("rps_fractional=900"), ...text("cpu_utilization=1")]],
  ["JSON with a field that is not known", [[METRICS, 'JSON {"rps_fractional": 900, "cpu_utilization": 1, "foo": 1}']]],
  ["JSON that is none", [[METRICS, 'JSON {"rps_fractional": 900, "cpu_utilization": 1']]],
  ["bytes that are no report", [["endpoint-load-metrics-bin", "/////w=="]]],
  ["both fields, of which gRPC's counts", [["endpoint-load-metrics-bin", "%"], ...weight(900)]],
  ["no requests", text("cpu_utilization=1")],
  ["no utilization", text("rps_fractional=900")],
  ["less than no utilization", text("rps_fractional=900,cpu_utilization=-1")],
] as const)
  traffic(`a report is void: ${name}`, { cluster: cluster(), endpoints: ALIKE, legs: DIRECT }, async (on) => {
    report(on, first, weight(300), weight(100));
    await settles(on, 20, 30, 10);
  });

traffic("a report may stand in the trailers", { cluster: cluster(), endpoints: ALIKE, legs: ["h2"] }, async (on) => {
  for (const [i, value] of [300, 200, 100].entries())
    on.application[NAMES[i]!].script(() => ({
      kind: "respond",
      body: ["a", "b"],
      trailers: [[METRICS, `TEXT rps_fractional=${value},cpu_utilization=1`]],
    }));
  await settles(on, 30, 20, 10);
});

traffic(
  "of a report in the head and one in the trailers the first counts",
  { cluster: cluster(), endpoints: ALIKE, legs: ["h2"] },
  async (on) => {
    report(on, [], weight(300), weight(100));
    on.application.v1.script(() => ({
      kind: "respond",
      headers: weight(200),
      body: ["a", "b"],
      trailers: weight(900),
    }));
    await settles(on, 20, 30, 10);
  },
);

traffic(
  "weights of endpoints do not count, and without reports all are alike",
  {
    cluster: cluster(),
    endpoints: [{ to: "v1", fields: { load_balancing_weight: 8 } }, "v2", "v3"],
    legs: DIRECT,
  },
  (on) => settles(on, 20, 20, 20),
);

traffic("a weight below 1 is 1", { cluster: cluster(), endpoints: ALIKE, legs: DIRECT }, async (on) => {
  report(on, weight(0.2), weight(2.9), weight(3));
  await settles(on, 10, 20, 30);
});

traffic(
  "reports of the blackout period do not count",
  { cluster: cluster({ blackout_period: "600s" }), endpoints: ALIKE, legs: DIRECT },
  async (on) => {
    report(on, weight(900), weight(300), weight(100));
    for (let round = 0; round < 4; round++) {
      expect(near(await shares(on), [20, 20, 20])).toBeTrue();
      await Bun.sleep(60);
    }
  },
);

traffic(
  "a report counts until it expires",
  { cluster: cluster({ weight_expiration_period: "0.5s" }), endpoints: ALIKE, legs: DIRECT },
  async (on) => {
    report(on, weight(800), weight(300), weight(100));
    await settles(on, 40, 15, 5);
    report(on, []);
    await settles(on, 20, 30, 10);
  },
);

traffic(
  "a response that is tried again has reported, too",
  {
    cluster: cluster(),
    endpoints: ALIKE,
    route: { retry_policy: { retry_on: "5xx", num_retries: 1 } },
    legs: DIRECT,
  },
  async (on) => {
    report(on, weight(300), weight(200), weight(100));
    on.application.v1.script((_, n) =>
      n < 5 ? { kind: "respond", status: 503, headers: weight(300) } : { kind: "echo" },
    );
    await settles(on, 30, 20, 10);
  },
);

const zone = (name: string, load_balancing_weight: number, endpoints: readonly EndpointParts[]) => ({
  fields: { locality: { region: "r", zone: name }, load_balancing_weight },
  endpoints,
});

traffic(
  "within localities that have weights",
  {
    cluster: {
      load_balancing_policy: {
        policies: [
          {
            typed_extension_config: extension(
              "envoy.load_balancing_policies.wrr_locality",
              "extensions.load_balancing_policies.wrr_locality.v3.WrrLocality",
              { endpoint_picking_policy: byReports() },
            ),
          },
        ],
      },
    },
    clusters: { upstream: { localities: [zone("a", 1, ["v1"]), zone("b", 1, ["v2", "v3"])] } },
    legs: DIRECT,
  },
  async (on) => {
    report(on, weight(900), weight(200), weight(100));
    await settles(on, 30, 20, 10);
  },
);
