// Requests that are refused as far as those before them fail.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import type { Behaviour } from "./behaviour.ts";
import { type CaseConfiguration, DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { refused, type Traffic, traffic } from "./traffic.ts";

const admission = (fields: Message): CaseConfiguration =>
  ({
    legs: DIRECT,
    filters: [
      extension("admission", "extensions.filters.http.admission_control.v3.AdmissionControl", {
        success_criteria: {},
        max_rejection_probability: { default_value: { value: 100 } },
        ...fields,
      }),
    ],
  }) as CaseConfiguration;

const REQUESTS = 60;

/** How many of 60 requests in turn came through. */
async function passed({ client, application }: Traffic, behaviour: Behaviour, method = "GET"): Promise<number> {
  application.v1.script(() => behaviour);
  for (let i = 0; i < REQUESTS; i++) await client.request("/", { method });
  return application.v1.requests.length;
}

/**
 * After n failures and no success one of n + 1 is let through: ten of sixty are expected, and more than 25, or fewer than three, come less
 * than once in 10^6 runs.
 */
function isMostlyRefused(count: number): void {
  expect(count).toBeGreaterThan(2);
  expect(count).toBeLessThan(26);
}

const FAILED: Behaviour = { kind: "respond", status: 500 };

traffic(
  "failures make that others are refused",
  { legs: DIRECT, manager: { stat_prefix: "admission" }, ...admission({}) },
  async (given) => {
    const count = await passed(given, FAILED);
    isMostlyRefused(count);
    const lines = await given.logs(REQUESTS);
    const denied = lines.filter(({ details }) => details === "denied_by_admission_control");
    expect(denied).toHaveLength(REQUESTS - count);
    expect(denied[0]).toMatchObject({ code: "503", flags: "-", attempts: "0" });
    const counter = async (name: string) => {
      const line = (await given.process.admin("/stats/prometheus"))
        .split("\n")
        .find((one) => one.startsWith(`envoy_http_admission_control_rq_${name}{`) && one.includes('"admission"'));
      return Number(line?.split(" ").at(-1));
    };
    await until("the counts", async () => (await counter("failure")) === count);
    expect([await counter("rejected"), await counter("success")]).toEqual([REQUESTS - count, 0]);
  },
);

const grpc = (status: string): Behaviour => ({
  kind: "respond",
  headers: [
    ["content-type", "application/grpc"],
    ["grpc-status", status],
  ],
});

const GREEN: readonly (readonly [name: string, fields: Message, behaviour: Behaviour])[] = [
  ["success", {}, { kind: "respond", status: 404 }],
  ["too few requests a second", { rps_threshold: { default_value: 100_000 } }, FAILED],
  ["a probability of 0", { max_rejection_probability: { default_value: { value: 0 } } }, FAILED],
  ["a filter that is off", { enabled: { default_value: false } }, FAILED],
  [
    "a status that is said to be no failure",
    { success_criteria: { http_criteria: { http_success_status: [{ start: 500, end: 501 }] } } },
    FAILED,
  ],
  ["a gRPC status that is no failure of the server", {}, grpc("5")],
  ["a gRPC status that nobody knows", {}, grpc("2")],
  [
    "a gRPC status that is said to be none",
    { success_criteria: { grpc_criteria: { grpc_success_status: [14] } } },
    grpc("14"),
  ],
];
for (const [name, fields, behaviour] of GREEN)
  traffic(`nobody is refused: ${name}`, { legs: DIRECT, ...admission(fields) }, async (given) => {
    expect(await passed(given, behaviour)).toBe(REQUESTS);
  });

const RED: readonly (readonly [name: string, fields: Message, behaviour: Behaviour])[] = [
  [
    "a status that is not among those that are said",
    { success_criteria: { http_criteria: { http_success_status: [{ start: 201, end: 300 }] } } },
    { kind: "respond", status: 200 },
  ],
  ["a gRPC status of the server's", {}, grpc("14")],
  [
    "a gRPC status that is not among those that are said",
    { success_criteria: { grpc_criteria: { grpc_success_status: [1] } } },
    grpc("0"),
  ],
  ["no response", {}, { kind: "reset" }],
];
for (const [name, fields, behaviour] of RED)
  traffic(`failures: ${name}`, { legs: DIRECT, ...admission(fields) }, async (given) => {
    isMostlyRefused(await passed(given, behaviour));
  });

refused("admission control without criteria", admission({ success_criteria: null }), (reason) =>
  expect(reason).toMatch(/success_criteria|evaluation_criteria/),
);

refused("a threshold that is none", admission({ sr_threshold: { default_value: { value: 0.5 } } }), (reason) =>
  expect(reason).toMatch(/sr_threshold|1\.0%/i),
);
