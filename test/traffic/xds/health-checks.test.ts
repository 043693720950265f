// Hosts that are asked whether they work.

import { expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../../src/base/until-fixture.ts";
import { frameMessage } from "../../../src/grpc/message.ts";
import type { Behaviour, Received, Script } from "./behaviour.ts";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import type { ProxyProcess } from "./process.ts";
import { type Body, type CaseOptions, refused, type Traffic, traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const PATH = "/healthz";
const CHECK = {
  timeout: "1s",
  interval: "0.05s",
  no_traffic_interval: "0.05s",
  unhealthy_threshold: 1,
  healthy_threshold: 1,
};

/** No panic: requests never go to hosts that are out. */
function check(probe: Message, fields: Message = {}, cluster: Message = {}): Message {
  return {
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    health_checks: [{ ...CHECK, ...probe, ...fields }],
    ...cluster,
  };
}

const http = (fields: Message = {}): Message => ({ http_health_check: { path: PATH, ...fields } });
const status = (code: number): Behaviour => ({ kind: "respond", status: code });

/** Answers checks with what `checks` says, and echoes everything else. */
function onChecks(checks: Script): Script {
  let count = 0;
  return (request) => (request.path === PATH ? checks(request, count++) : { kind: "echo" });
}

async function flags(process: ProxyProcess): Promise<string[]> {
  return [...(await process.hosts("upstream")).values()].map((host) => host.get("health_flags") ?? "");
}

function becomes(process: ProxyProcess, ...expected: readonly string[]): Promise<unknown> {
  return until(`health flags are ${expected.join(", ")}`, async () => {
    return (await flags(process)).toSorted().join() === [...expected].toSorted().join();
  });
}

const NEW_HOSTS_IGNORED: Message = {
  healthy_panic_threshold: { value: 50 },
  ignore_new_hosts_until_first_hc: true,
};
const FAILED = "/failed_active_hc";
const checksOf = (requests: readonly Received[]) => requests.filter(({ path }) => path === PATH);
/** Envoy's workers hear of a host's health a moment after the admin interface does. */
function answer(lab: Traffic, ...expected: readonly string[]): Promise<unknown> {
  return until(`${expected.join(" and ")} answer`, async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 6; i++) seen.add((await lab.client.request("/")).echo.app);
    return [...seen].toSorted().join() === expected.join();
  });
}

/** The checks end with the case: the applications would hear them while the other proxy is at work. */
function checked(name: string, options: CaseOptions, body: Body): void {
  traffic(name, options, async (lab) => {
    try {
      await body(lab);
    } finally {
      await lab.update({});
    }
  });
}

checked(
  "requests go to those that pass, over the leg's own transport",
  { endpoints: ["v1", "v2"], legs: ["h1", "plaintext", "mixed"], cluster: check(http()) },
  async (lab) => {
    lab.application.v2.script(onChecks(() => status(503)));
    await becomes(lab.process, "healthy", FAILED);
    await answer(lab, "v1");
    lab.application.v2.script(onChecks(() => status(200)));
    await becomes(lab.process, "healthy", "healthy");
    await answer(lab, "v1", "v2");
  },
);

checked(
  "a cluster serves once its hosts have been checked, and what it replaces until then",
  { legs: DIRECT },
  async ({ application: { v1, v2 }, client, update }) => {
    const ask = async () => {
      const response = await client.request("/");
      return response.status === 200 ? response.echo.app : response.status;
    };
    v2.script(onChecks((_, n) => (n === 0 ? { kind: "hang" } : status(503))));
    // Envoy takes no listener before the cluster is warm: the update is over after that.
    const updated = update({ endpoints: ["v2"], cluster: check(http(), { timeout: "0.7s" }) });
    await until("the first check", () => checksOf(v2.requests).length === 1);
    expect(await ask()).toBe("v1");
    // It was not answered to in time.
    await until("that nobody is there", async () => (await ask()) === 503);
    await updated;
    v2.script(onChecks(() => status(200)));
    await until("the other one", async () => (await ask()) === "v2");
    expect(v1.requests.every(({ path }) => path === "/")).toBe(true);
  },
);

checked(
  "a new host is not looked at until its first check, if that is said",
  {
    legs: DIRECT,
    clusters: { upstream: { eds: true } },
    endpoints: ["v1"],
    cluster: check(http(), { timeout: "1s" }, { common_lb_config: NEW_HOSTS_IGNORED }),
  },
  async (lab) => {
    const { v1, v2, v3 } = lab.application;
    await becomes(lab.process, "healthy");
    for (const late of [v2, v3]) late.script(onChecks((_, n) => (n === 0 ? { kind: "hang" } : status(200))));
    const endpoints = ["v1", "v2", "v3"] as const;
    const cluster = check(http(), { timeout: "1s" }, { common_lb_config: NEW_HOSTS_IGNORED });
    await lab.update({ clusters: { upstream: { eds: true } }, endpoints, cluster });
    await until("first checks", () => [v2, v3].every(({ requests }) => checksOf(requests).length === 1));
    // Two of three are sick would be a panic: all of them would be asked.
    const before = v1.requests.length;
    for (let i = 0; i < 12; i++) expect((await lab.client.request("/")).echo.app).toBe("v1");
    expect(v1.requests.length - before).toBeGreaterThanOrEqual(12);
    await answer(lab, "v1", "v2", "v3");
  },
);

checked(
  "a check is what it is told to be",
  {
    legs: DIRECT,
    cluster: check(
      http({
        host: "check.example",
        method: "POST",
        send: { text: "68656c6c6f" },
        request_headers_to_add: [{ header: { key: "x-check", value: "yes" } }],
        request_headers_to_remove: ["user-agent"],
      }),
    ),
  },
  async ({ application: { v1 }, process }) => {
    await becomes(process, "healthy");
    const request = checksOf(v1.requests).find(({ method }) => method === "POST");
    expect(request).toMatchObject({ method: "POST", authority: "check.example", protocol: "HTTP/1.1" });
    expect(request?.body.toString()).toBe("hello");
    expect(fieldOf(request!.headers, "x-check")).toBe("yes");
    expect(fieldOf(request!.headers, "user-agent")).toBeUndefined();
  },
);

checked(
  "without more, it is a GET of Envoy/HC for the cluster, on one connection",
  { legs: DIRECT, cluster: check(http()) },
  async ({ application: { v1 }, process }) => {
    await becomes(process, "healthy");
    // The first ones may be those of the case before.
    await until("checks", () => checksOf(v1.requests).length >= 5);
    const [first, second, third] = checksOf(v1.requests).slice(-3);
    expect(first).toMatchObject({ method: "GET", authority: "upstream" });
    expect(fieldOf(first!.headers, "user-agent")).toBe("Envoy/HC");
    expect(second?.connection).toBe(first!.connection);
    expect(third?.connection).toBe(first!.connection);
  },
);

checked(
  "each check has a connection of its own where it is told so",
  { legs: DIRECT, cluster: check(http(), { reuse_connection: false }) },
  async ({ application: { v1 } }) => {
    await until("three checks", () => checksOf(v1.requests).length >= 3);
    const connections = checksOf(v1.requests).map(({ connection }) => connection);
    expect(new Set(connections).size).toBe(connections.length);
  },
);

checked(
  "HTTP/2",
  { legs: ["h2", "plaintext"], application: "http2", cluster: check(http({ codec_client_type: "HTTP2" })) },
  async ({ application: { v1 }, process }) => {
    await becomes(process, "healthy");
    await until("checks", () => checksOf(v1.requests).length >= 3);
    expect(checksOf(v1.requests).at(-1)?.protocol).toBe("HTTP/2");
    v1.script(onChecks(() => status(500)));
    await becomes(process, FAILED);
  },
);

checked(
  "statuses that are expected pass, and others do not",
  { legs: DIRECT, cluster: check(http({ expected_statuses: [{ start: 204, end: 206 }] })) },
  async ({ application: { v1 }, process }) => {
    await becomes(process, FAILED);
    v1.script(onChecks(() => status(205)));
    await becomes(process, "healthy");
    v1.script(onChecks(() => status(200)));
    await becomes(process, FAILED);
  },
);

checked(
  "an unexpected status is believed at once, a retriable one up to the threshold",
  {
    legs: DIRECT,
    cluster: check(http({ retriable_statuses: [{ start: 503, end: 504 }] }), { unhealthy_threshold: 3 }),
  },
  async ({ application: { v1 }, process }) => {
    await becomes(process, "healthy");
    const from = checksOf(v1.requests).length;
    v1.script(onChecks((_, n) => status(n < 2 ? 503 : 200)));
    await until("it passes again", () => checksOf(v1.requests).length > from + 3);
    expect(await flags(process)).toEqual(["healthy"]);
    let failures = 0;
    v1.script(
      onChecks(() => {
        failures++;
        return failures === 1 ? status(500) : { kind: "hang" };
      }),
    );
    await becomes(process, FAILED);
  },
);

checked(
  "a host that was out passes as often as the threshold says; the very first time once",
  { legs: DIRECT, cluster: check(http(), { healthy_threshold: 3 }) },
  async ({ application: { v1 }, process }) => {
    await becomes(process, "healthy");
    v1.script(onChecks(() => status(500)));
    await becomes(process, FAILED);
    const from = checksOf(v1.requests).length;
    v1.script(onChecks(() => status(200)));
    await becomes(process, "healthy");
    expect(checksOf(v1.requests).length).toBeGreaterThanOrEqual(from + 3);
  },
);

checked(
  "what is received must be in the answer, in its order",
  { legs: DIRECT, cluster: check(http({ receive: [{ text: "6f6e65" }, { text: "74776f" }] })) },
  async ({ application: { v1 }, process }) => {
    v1.script(onChecks(() => ({ kind: "respond", body: "one and two" })));
    await becomes(process, "healthy");
    v1.script(onChecks(() => ({ kind: "respond", body: "two and one" })));
    await becomes(process, FAILED);
  },
);

checked(
  "no answer in time, and no connection, are failures",
  { endpoints: ["v1", "closed"], legs: DIRECT, cluster: check(http(), { timeout: "0.1s" }) },
  async ({ application: { v1 }, process }) => {
    await becomes(process, "healthy", FAILED);
    v1.script(onChecks(() => ({ kind: "hang" })));
    await until("both are out", async () => (await flags(process)).every((flag) => flag.includes(FAILED)));
    v1.script(onChecks(() => status(200)));
    await until("one is back", async () => (await flags(process)).includes("healthy"));
  },
);

traffic("x-envoy-degraded is healthy and degraded", { legs: DIRECT, cluster: check(http()) }, async (lab) => {
  lab.application.v1.script(onChecks(() => ({ kind: "respond", headers: [["x-envoy-degraded", ""]] })));
  await becomes(lab.process, "/degraded_active_hc");
  expect((await lab.client.request("/")).status).toBe(200);
  lab.application.v1.script(onChecks(() => status(200)));
  await becomes(lab.process, "healthy");
});

checked(
  "a response with x-envoy-immediate-health-check-fail takes the host out",
  { endpoints: ["v1", "v2"], legs: DIRECT, cluster: check(http(), { interval: "60s", no_traffic_interval: "60s" }) },
  async (lab) => {
    await becomes(lab.process, "healthy", "healthy");
    lab.application.v1.script(() => ({ kind: "respond", headers: [["x-envoy-immediate-health-check-fail", "true"]] }));
    await until("v1 was asked", async () => {
      await lab.client.request("/");
      return lab.application.v1.requests.some(({ path }) => path === "/");
    });
    await until("v1 is out", async () => (await flags(lab.process)).some((flag) => flag.includes(FAILED)));
    await answer(lab, "v2");
  },
);

const serving = (state: number): Behaviour => ({
  kind: "respond",
  headers: [["content-type", "application/grpc"]],
  body: [frameMessage(Buffer.from([8, state])).toString("latin1")],
  trailers: [["grpc-status", "0"]],
});

checked(
  "gRPC: SERVING is healthy, and nothing else",
  {
    legs: ["h2", "plaintext"],
    application: "http2",
    cluster: check({ grpc_health_check: { service_name: "shop", authority: "check.example" } }),
  },
  async ({ application: { v1 }, process }) => {
    v1.script(() => serving(1));
    await becomes(process, "healthy");
    const request = v1.requests.find(({ path }) => path === "/grpc.health.v1.Health/Check");
    expect(request).toMatchObject({ method: "POST", authority: "check.example" });
    expect(request?.body.subarray(5).toString("latin1")).toBe("\n\x04shop");
    expect(fieldOf(request!.headers, "content-type")).toBe("application/grpc");
    v1.script(() => serving(2));
    await becomes(process, FAILED);
    v1.script(() => serving(1));
    await becomes(process, "healthy");
    v1.script(() => ({
      kind: "respond",
      headers: [
        ["content-type", "application/grpc"],
        ["grpc-status", "12"],
      ],
    }));
    await becomes(process, FAILED);
  },
);

checked(
  "TCP: a connection is enough where nothing is to be received",
  { tcp: {}, endpoints: ["bytes", "closed"], legs: ["plaintext", "mtls"], cluster: check({ tcp_health_check: {} }) },
  async ({ process }) => {
    await becomes(process, "healthy", FAILED);
  },
);

checked(
  "TCP: what is received must contain every block",
  {
    tcp: {},
    endpoints: ["bytes"],
    legs: ["plaintext", "mtls"],
    cluster: check({ tcp_health_check: { send: { text: "70696e67" }, receive: [{ text: "7069" }, { text: "67" }] } }),
  },
  async ({ process }) => {
    await becomes(process, "healthy");
  },
);

checked(
  "TCP: a host that says something else is out",
  {
    tcp: {},
    endpoints: ["bytes"],
    legs: DIRECT,
    cluster: check(
      { tcp_health_check: { send: { text: "70696e67" }, receive: [{ text: "706f6e67" }] } },
      { timeout: "0.1s" },
    ),
  },
  async ({ process }) => {
    await until("it is out", async () => (await flags(process)).every((flag) => flag.startsWith(FAILED)));
  },
);

checked(
  "an endpoint may be checked at another port, or not at all",
  {
    endpoints: [
      { to: "closed", fields: { endpoint: { health_check_config: { disable_active_health_check: true } } } },
      "v2",
    ],
    legs: DIRECT,
    cluster: check(http()),
  },
  async ({ application: { v2 }, process }) => {
    v2.script(() => status(500));
    await becomes(process, "healthy", FAILED);
  },
);

checked(
  "a healthy host that its endpoints no longer name stays until a check fails",
  { clusters: { upstream: { eds: true, endpoints: ["v1", "v2"] } }, legs: DIRECT, cluster: check(http()) },
  async (lab) => {
    await becomes(lab.process, "healthy", "healthy");
    await lab.update({ clusters: { upstream: { eds: true, endpoints: ["v1"] } }, cluster: check(http()) });
    await answer(lab, "v1", "v2");
    lab.application.v2.script(onChecks(() => status(500)));
    await until("v2 is gone", async () => (await lab.process.hosts("upstream")).size === 1);
    await answer(lab, "v1");
  },
);

checked(
  "it goes at once where its health is to be ignored",
  {
    clusters: { upstream: { eds: true, endpoints: ["v1", "v2"] } },
    legs: DIRECT,
    cluster: check(http(), {}, { ignore_health_on_host_removal: true }),
  },
  async (lab) => {
    await becomes(lab.process, "healthy", "healthy");
    await lab.update({
      clusters: { upstream: { eds: true, endpoints: ["v1"] } },
      cluster: check(http(), {}, { ignore_health_on_host_removal: true }),
    });
    expect((await lab.process.hosts("upstream")).size).toBe(1);
    await answer(lab, "v1");
  },
);

checked(
  "a check that passes brings back whom outlier detection took out",
  {
    legs: DIRECT,
    cluster: check(
      http(),
      { interval: "0.3s" },
      {
        outlier_detection: {
          interval: "0.05s",
          base_ejection_time: "60s",
          max_ejection_percent: 100,
          consecutive_5xx: 2,
        },
      },
    ),
  },
  async ({ application: { v1 }, client, process }) => {
    await becomes(process, "healthy");
    v1.script(({ path }) => status(path === PATH ? 200 : 500));
    await client.request("/");
    await client.request("/");
    await becomes(process, "/failed_outlier_check");
    await becomes(process, "healthy");
  },
);

const folder = mkdtempSync(join(tmpdir(), "heddle-health-events-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const events = (proxy: string) => join(folder, `${proxy}.json`);

for (const proxy of ["heddle", "envoy"] as const) {
  checked(
    `events of health are lines of a file (${proxy})`,
    {
      legs: DIRECT,
      skip: { [proxy === "heddle" ? "envoy" : "heddle"]: "the file is the other proxy's" },
      cluster: check(http(), { event_log_path: events(proxy), always_log_health_check_failures: true }),
    },
    async ({ application: { v1 }, process }) => {
      await becomes(process, "healthy");
      v1.script(onChecks(() => status(500)));
      await becomes(process, FAILED);
      const lines = () =>
        readFileSync(events(proxy), "utf8")
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Message);
      await until("two events", () => lines().length >= 2);
      const [added, ejected] = lines();
      const common = { health_checker_type: "HTTP", cluster_name: "upstream" };
      expect(added).toMatchObject({ ...common, add_healthy_event: { first_check: true } });
      expect(added).toMatchObject({ host: { socket_address: { address: "127.0.0.1", port_value: v1.port } } });
      expect(ejected).toMatchObject({ ...common, eject_unhealthy_event: { failure_type: "ACTIVE" } });
    },
  );
}

refused(
  "a cluster has one check",
  {
    cluster: {
      health_checks: [
        { ...CHECK, ...http() },
        { ...CHECK, ...http() },
      ],
    },
  },
  (reason) => expect(reason).not.toBe(""),
);
