// Hosts that answer badly are taken out for a while.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import type { Behaviour } from "./behaviour.ts";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import type { ProxyProcess } from "./process.ts";
import { type Applications, refused, type Traffic, traffic } from "./traffic.ts";

const NEVER = 1_000_000;
/** Nothing but what the case is about, often looked at, and everybody may go. No panic: requests never go to hosts that are out. */
function detection(fields: Message): Message {
  return {
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    outlier_detection: {
      interval: "0.05s",
      base_ejection_time: "60s",
      max_ejection_percent: 100,
      consecutive_5xx: NEVER,
      consecutive_gateway_failure: NEVER,
      success_rate_minimum_hosts: NEVER,
      failure_percentage_minimum_hosts: NEVER,
      ...fields,
    },
  };
}

const fails = (status: number): Behaviour => ({ kind: "respond", status });

async function ejected(process: ProxyProcess): Promise<number> {
  const hosts = await process.hosts("upstream");
  return [...hosts.values()].filter((host) => host.get("health_flags")?.includes("/failed_outlier_check")).length;
}

/** Sends one request after the other until so many hosts are out, and returns the statuses. */
async function sendUntilEjected({ client, process }: Traffic, count: number): Promise<number[]> {
  const statuses: number[] = [];
  await until(`${count} hosts are ejected`, async () => {
    statuses.push((await client.request("/")).status);
    return (await ejected(process)) === count;
  });
  return statuses;
}

async function names({ client }: Traffic, requests: number): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let i = 0; i < requests; i++) seen.add((await client.request("/")).echo.app);
  return seen;
}

traffic(
  "a host with errors in a row is ejected, and the others take its requests",
  { endpoints: ["v1", "v2"], legs: ["h2", "h1", "plaintext"], cluster: detection({ consecutive_5xx: 3 }) },
  async (lab) => {
    const { v1 } = lab.application;
    v1.script(() => fails(500));
    await sendUntilEjected(lab, 1);
    expect(v1.requests).toHaveLength(3);
    expect(await names(lab, 6)).toEqual(new Set(["v2"]));
    expect(v1.requests).toHaveLength(3);
  },
);

const isStatus = (status: number): Message => ({
  http_response_headers_match: { headers: [{ name: ":status", string_match: { exact: String(status) } }] },
});

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Detection by what responses match. */
function matching(error_matcher: Message, fields: Message): Message {
  return {
    ...detection(fields),
    typed_extension_protocol_options: { [HTTP_OPTIONS]: { outlier_detection: { error_matcher } } },
  };
}

traffic(
  "statuses that an error matcher names are errors, and others are none",
  {
    endpoints: ["v1", "v2"],
    legs: DIRECT,
    cluster: matching({ or_match: { rules: [isStatus(404), isStatus(429)] } }, { consecutive_5xx: 3 }),
  },
  async (lab) => {
    const { v1, v2 } = lab.application;
    v1.script((_, n) => fails([429, 404][n % 2]!));
    v2.script(() => fails(500));
    await sendUntilEjected(lab, 1);
    expect(v1.requests).toHaveLength(3);
    for (let i = 0; i < 6; i++) expect((await lab.client.request("/")).status).toBe(500);
    expect(await ejected(lab.process)).toBe(1);
  },
);

traffic(
  "an error that is matched is a 500, or the gateway failure that it is",
  {
    endpoints: ["v1", "v2"],
    legs: DIRECT,
    cluster: matching(
      { or_match: { rules: [isStatus(404), isStatus(503)] } },
      { consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 },
    ),
  },
  async (lab) => {
    const { v1, v2 } = lab.application;
    v1.script(() => fails(404));
    v2.script(() => fails(503));
    await sendUntilEjected(lab, 1);
    expect(v2.requests).toHaveLength(2);
    for (let i = 0; i < 6; i++) expect((await lab.client.request("/")).status).toBe(404);
    expect(await ejected(lab.process)).toBe(1);
  },
);

traffic(
  "an error matcher of rules that all hold, or do not",
  {
    endpoints: ["v1", "v2"],
    legs: DIRECT,
    cluster: matching(
      {
        and_match: {
          rules: [
            { http_response_headers_match: { headers: [{ name: ":status", range_match: { start: 400, end: 500 } }] } },
            { not_match: { or_match: { rules: [isStatus(404), isStatus(410)] } } },
          ],
        },
      },
      { consecutive_5xx: 2 },
    ),
  },
  async (lab) => {
    const { v1, v2 } = lab.application;
    v1.script((_, n) => fails([404, 410][n % 2]!));
    v2.script(() => fails(409));
    await sendUntilEjected(lab, 1);
    expect(v2.requests).toHaveLength(2);
  },
);

traffic(
  "a good answer in between begins the row anew",
  { endpoints: ["v1"], legs: DIRECT, cluster: detection({ consecutive_5xx: 3 }) },
  async (lab) => {
    lab.application.v1.answers(fails(500), fails(500), { kind: "echo" }, fails(500), fails(500), { kind: "echo" });
    for (let i = 0; i < 6; i++) await lab.client.request("/");
    expect(await ejected(lab.process)).toBe(0);
  },
);

traffic(
  "gateway failures are 502, 503 and 504, and are not enforced unless told so",
  {
    endpoints: ["v1", "v2"],
    legs: DIRECT,
    cluster: detection({ consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 }),
  },
  async (lab) => {
    const { v1, v2 } = lab.application;
    v1.script((_, n) => fails(n % 2 === 0 ? 502 : 500));
    v2.script((_, n) => fails([502, 504][n % 2]!));
    await sendUntilEjected(lab, 1);
    expect(v2.requests).toHaveLength(2);
    await lab.client.request("/");
    expect(v2.requests).toHaveLength(2);
  },
);

traffic(
  "without enforcement nothing happens",
  {
    endpoints: ["v1"],
    legs: DIRECT,
    cluster: detection({ consecutive_5xx: 2, enforcing_consecutive_5xx: 0, consecutive_gateway_failure: 2 }),
  },
  async (lab) => {
    lab.application.v1.script(() => fails(503));
    for (let i = 0; i < 6; i++) await lab.client.request("/");
    expect(await ejected(lab.process)).toBe(0);
  },
);

traffic(
  "a host that cannot be reached counts as 503",
  {
    endpoints: ["closed", "v2"],
    legs: DIRECT,
    cluster: detection({ consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 }),
  },
  async (lab) => {
    await sendUntilEjected(lab, 1);
    expect(await names(lab, 4)).toEqual(new Set(["v2"]));
  },
);

traffic(
  "failures to connect are of their own kind where the two are told apart",
  {
    endpoints: ["v1", "closed"],
    legs: DIRECT,
    cluster: detection({
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 3,
      consecutive_5xx: 2,
    }),
  },
  async (lab) => {
    lab.application.v1.script(() => fails(500));
    await sendUntilEjected(lab, 1);
    expect(lab.application.v1.requests).toHaveLength(2);
    await sendUntilEjected(lab, 2);
    expect(lab.application.v1.requests).toHaveLength(2);
  },
);

traffic(
  "a time-out is no bad answer where the two are told apart, and a connection begins the row anew",
  {
    endpoints: ["v1"],
    legs: DIRECT,
    route: { timeout: "0.05s" },
    cluster: detection({
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 2,
      consecutive_5xx: 2,
    }),
  },
  async (lab) => {
    lab.application.v1.script(() => ({ kind: "hang" }));
    for (let i = 0; i < 4; i++) expect((await lab.client.request("/")).status).toBe(504);
    expect(await ejected(lab.process)).toBe(0);
  },
);

traffic(
  "a time-out of the request counts as 504",
  {
    endpoints: ["v1"],
    legs: DIRECT,
    route: { timeout: "0.05s" },
    cluster: detection({ consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 }),
  },
  async (lab) => {
    lab.application.v1.script(() => ({ kind: "hang" }));
    const statuses = await sendUntilEjected(lab, 1);
    expect(statuses).toEqual([504, 504]);
    expect((await lab.client.request("/")).text).toBe("no healthy upstream");
  },
);

traffic(
  "no more are ejected than the percentage allows",
  { endpoints: ["v1", "v2", "v3"], legs: DIRECT, cluster: detection({ consecutive_5xx: 2, max_ejection_percent: 66 }) },
  async (lab) => {
    for (const application of [lab.application.v1, lab.application.v2, lab.application.v3])
      application.script(() => fails(500));
    for (let i = 0; i < 12; i++) await lab.client.request("/");
    expect(await ejected(lab.process)).toBe(1);
  },
);

for (const [always, count] of [
  [true, 1],
  [false, 0],
] as const) {
  traffic(
    `a percentage that allows nobody ejects ${count} where always_eject_one_host is ${always}`,
    {
      endpoints: ["v1", "v2"],
      legs: DIRECT,
      cluster: detection({ consecutive_5xx: 2, max_ejection_percent: 10, always_eject_one_host: always }),
    },
    async (lab) => {
      for (const application of [lab.application.v1, lab.application.v2]) application.script(() => fails(500));
      for (let i = 0; i < 8; i++) await lab.client.request("/");
      expect(await ejected(lab.process)).toBe(count);
    },
  );
}

traffic(
  "a host comes back when its time is over",
  {
    endpoints: ["v1", "v2"],
    legs: DIRECT,
    cluster: detection({ consecutive_5xx: 2, base_ejection_time: "0.1s", max_ejection_time_jitter: "0.05s" }),
  },
  async (lab) => {
    lab.application.v1.answers(fails(500), fails(500), { kind: "echo" });
    await until("v1 is ejected", async () => {
      await lab.client.request("/");
      return lab.application.v1.requests.length === 2;
    });
    // Envoy's workers hear of an ejection after its main thread has counted it: that v1 answers is no sign yet that its time is over.
    await until("nobody is ejected", async () => (await ejected(lab.process)) === 0);
    await until("v1 is back", async () => (await names(lab, 2)).has("v1"));
  },
);

/** Requests to each of three hosts by turns, with the share of v3's that fail. */
async function spread(application: Applications, lab: Traffic, failing: (n: number) => boolean): Promise<void> {
  application.v3.script((_, n) => (failing(n) ? fails(500) : { kind: "echo" }));
  await until("v3 is ejected", async () => {
    await Promise.all(Array.from({ length: 30 }, () => lab.client.request("/")));
    return (await ejected(lab.process)) === 1;
  });
  const before = application.v3.requests.length;
  await names(lab, 6);
  expect(application.v3.requests).toHaveLength(before);
}

traffic(
  "a host whose success rate is far below the others' is ejected",
  {
    endpoints: ["v1", "v2", "v3"],
    legs: DIRECT,
    cluster: detection({
      interval: "0.3s",
      success_rate_minimum_hosts: 3,
      success_rate_request_volume: 5,
      success_rate_stdev_factor: 1_000,
    }),
  },
  async (lab) => spread(lab.application, lab, (n) => n % 2 === 0),
);

traffic(
  "a host that fails too large a share is ejected",
  {
    endpoints: ["v1", "v2", "v3"],
    legs: DIRECT,
    cluster: detection({
      interval: "0.3s",
      failure_percentage_minimum_hosts: 3,
      failure_percentage_request_volume: 5,
      failure_percentage_threshold: 60,
      enforcing_failure_percentage: 100,
    }),
  },
  async (lab) => spread(lab.application, lab, (n) => n % 4 !== 0),
);

traffic(
  "what a gRPC call ends with counts where the response is its head alone",
  {
    endpoints: ["v1", "v2"],
    application: "http2",
    legs: ["h2", "plaintext"],
    cluster: detection({ consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 }),
  },
  async (lab) => {
    const unavailable: Behaviour = {
      kind: "respond",
      headers: [
        ["content-type", "application/grpc"],
        ["grpc-status", "14"],
      ],
    };
    lab.application.v1.script(() => unavailable);
    await until("v1 is ejected", async () => {
      await lab.client.request("/", {
        method: "POST",
        headers: { "content-type": "application/grpc", te: "trailers" },
      });
      return (await ejected(lab.process)) === 1;
    });
    expect(lab.application.v1.requests).toHaveLength(2);
  },
);

traffic(
  "what a gRPC call ends with counts, whatever an error matcher makes of its head",
  {
    endpoints: ["v1", "v2"],
    application: "http2",
    legs: ["plaintext"],
    cluster: {
      ...detection({ consecutive_5xx: 2 }),
      typed_extension_protocol_options: { [HTTP_OPTIONS]: { outlier_detection: { error_matcher: isStatus(404) } } },
    },
  },
  async (lab) => {
    const ends = (status: number, grpc: string): Behaviour => ({
      kind: "respond",
      status,
      headers: [
        ["content-type", "application/grpc"],
        ["grpc-status", grpc],
      ],
    });
    lab.application.v1.script(() => ends(200, "14"));
    lab.application.v2.script(() => ends(404, "0"));
    await until("v1 is ejected", async () => {
      await lab.client.request("/", {
        method: "POST",
        headers: { "content-type": "application/grpc", te: "trailers" },
      });
      return (await ejected(lab.process)) === 1;
    });
    expect(lab.application.v1.requests).toHaveLength(2);
  },
);

traffic(
  "byte streams that find nobody count",
  { tcp: {}, endpoints: ["closed", "bytes"], legs: DIRECT, cluster: detection({ consecutive_5xx: 2 }) },
  async ({ client, process }) => {
    await until("the host that nobody is at is ejected", async () => {
      await client.connect().catch(() => undefined); // reset before it is told that it is open
      return (await ejected(process)) === 1;
    });
  },
);

refused(
  "the longest ejection is not shorter than the first one",
  { cluster: detection({ base_ejection_time: "10s", max_ejection_time: "5s" }) },
  (reason) => expect(reason).toContain("max_ejection_time"),
);
