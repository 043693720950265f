// When a request is tried again, how often, and where.

import { expect } from "bun:test";
import type { Behaviour } from "./behaviour.ts";
import { DIRECT, type Leg } from "./configuration.ts";
import type { Message } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const OK: Behaviour = { kind: "echo" };

function status(code: number): Behaviour {
  return { kind: "respond", status: code, body: `status ${code}` };
}

/** Without back-off, so that nobody waits for it. */
function retrying(retry_on: string, more: Message = {}): Message {
  const retry_back_off = { base_interval: "0.001s", max_interval: "0.005s" };
  return { retry_policy: { retry_on, num_retries: 3, retry_back_off, ...more } };
}

traffic(
  "a 5xx is tried again until it is none",
  { route: retrying("5xx") },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers(status(503), status(500), OK);
    const response = await client.request("/x", { method: "POST", body: "the body" });
    expect(response.status).toBe(200);
    expect(response.echo.body).toBe("the body");
    expect(v1.requests.map(({ body }) => body.toString())).toEqual(["the body", "the body", "the body"]);
    // One request, three tries: its id stays.
    expect(new Set(v1.requests.map(({ headers }) => fieldOf(headers, "x-request-id"))).size).toBe(1);
    expect((await logs(1))[0]).toMatchObject({ code: "200", flags: "-", attempts: "3", details: "via_upstream" });
  },
);

traffic(
  "the last answer goes to the client when the tries are used up: URX",
  { route: retrying("5xx", { num_retries: 2 }) },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers(status(503), status(500), status(502), OK);
    const response = await client.request("/");
    expect([response.status, response.text]).toEqual([502, "status 502"]);
    expect((await logs(1))[0]).toMatchObject({ code: "502", flags: "URX", attempts: "3", details: "via_upstream" });
  },
);

traffic("nothing is tried again without a policy", {}, async ({ client, application: { v1 }, logs }) => {
  v1.answers(status(503), OK);
  expect((await client.request("/")).status).toBe(503);
  expect((await logs(1))[0]).toMatchObject({ code: "503", flags: "-", attempts: "1" });
});

traffic(
  "one try more is made when no number is given, and none when it is 0",
  {
    routes: [
      { match: { prefix: "/none" }, route: { cluster: "upstream", retry_policy: { retry_on: "5xx", num_retries: 0 } } },
      { match: { prefix: "/" }, route: { cluster: "upstream", retry_policy: { retry_on: "5xx" } } },
    ],
  },
  async ({ client, application: { v1 } }) => {
    v1.script(() => status(503));
    await client.request("/");
    expect(v1.requests).toHaveLength(2);
    await client.request("/none");
    expect(v1.requests).toHaveLength(3);
  },
);

const CONDITIONS: readonly (readonly [
  on: string,
  retried: readonly number[],
  passed: readonly number[],
  more?: Message,
])[] = [
  ["5xx", [500, 503, 599], [404, 409, 499]],
  ["gateway-error", [502, 503, 504], [500, 501, 505]],
  ["retriable-4xx", [409], [404, 429, 503]],
  ["retriable-status-codes", [418, 503], [500, 409], { retriable_status_codes: [418, 503] }],
  ["gateway-error,retriable-4xx", [502, 409], [500, 404]],
];

traffic(
  "each condition covers its own statuses",
  {
    legs: DIRECT,
    routes: CONDITIONS.map(([on, , , more], i) => ({
      match: { prefix: `/${i}` },
      route: { cluster: "upstream", ...retrying(on, { num_retries: 1, ...more }) },
    })),
  },
  async ({ client, application: { v1 } }) => {
    for (const [i, [on, retried, passed]] of CONDITIONS.entries()) {
      for (const code of [...retried, ...passed]) {
        v1.answers(status(code), OK);
        const expected = retried.includes(code) ? 200 : code;
        expect([on, code, (await client.request(`/${i}`)).status]).toEqual([on, code, expected]);
      }
    }
  },
);

traffic(
  "a host that cannot be reached is tried again elsewhere",
  {
    endpoints: ["closed", "v1"],
    legs: ["h2", "h1", "plaintext"],
    route: retrying("connect-failure", { num_retries: 10 }),
  },
  async ({ client, application }) => {
    for (let i = 0; i < 4; i++) expect((await client.request("/")).status).toBe(200);
    expect(application.v1.requests).toHaveLength(4);
  },
);

for (const on of ["reset", "5xx", "gateway-error", "reset-before-request", "connect-failure"]) {
  const isRetried = on === "reset" || on === "5xx" || on === "gateway-error";
  traffic(
    `a connection that is reset before the answer ${isRetried ? "is" : "is not"} tried again on ${on}`,
    { legs: DIRECT, route: retrying(on) },
    async ({ client, application: { v1 } }) => {
      for (const behaviour of [{ kind: "reset" }, { kind: "close" }] as const) {
        v1.answers(behaviour, OK);
        expect([behaviour.kind, (await client.request("/")).status]).toEqual([behaviour.kind, isRetried ? 200 : 503]);
      }
    },
  );
}

traffic(
  "a refused stream is tried again",
  { legs: DIRECT, application: "http2", route: retrying("refused-stream") },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "reset", code: "refused" }, OK);
    expect((await client.request("/")).status).toBe(200);
    v1.answers({ kind: "reset", code: "internal" }, OK);
    expect((await client.request("/")).status).toBe(503);
    expect((await logs(2))[1]).toMatchObject({ code: "503", flags: "UR", attempts: "1" });
  },
);

traffic(
  "a response that began is not taken back",
  { legs: ["h2", "plaintext"], route: retrying("5xx,reset") },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: ["half"], ending: "reset" }, OK);
    expect(await client.outcome("/")).toContain("the connection ended");
    expect(v1.requests).toHaveLength(1);
  },
);

const GRPC_LEGS: readonly Leg[] = ["h2", "plaintext", "mixed"];
const GRPC_CONDITIONS: readonly (readonly [on: string, status: number])[] = [
  ["cancelled", 1],
  ["deadline-exceeded", 4],
  ["resource-exhausted", 8],
  ["internal", 13],
  ["unavailable", 14],
];

traffic(
  "a gRPC status in the head is tried again on its condition",
  {
    legs: GRPC_LEGS,
    application: "http2",
    routes: GRPC_CONDITIONS.map(([on]) => ({
      match: { prefix: `/${on}/` },
      route: { cluster: "upstream", ...retrying(on) },
    })),
  },
  async ({ client, application: { v1 } }) => {
    const answer = (code: number): Behaviour => ({
      kind: "respond",
      headers: [
        ["content-type", "application/grpc"],
        ["grpc-status", String(code)],
      ],
    });
    const http2 = await client.http2();
    for (const [on, code] of GRPC_CONDITIONS) {
      v1.answers(answer(code), answer(0));
      expect([on, (await http2.grpc(`/${on}/Call`, ["x"])).header("grpc-status")]).toEqual([on, "0"]);
      v1.answers(answer(2), answer(0));
      expect([on, (await http2.grpc(`/${on}/Call`, ["x"])).header("grpc-status")]).toEqual([on, "2"]);
    }
  },
);

traffic(
  "a try goes to a host that was not tried yet, where the policy says so",
  {
    endpoints: ["v1", "v2"],
    legs: ["h2", "h1", "plaintext"],
    route: retrying("5xx", {
      num_retries: 1,
      retry_host_predicate: [
        {
          name: "envoy.retry_host_predicates.previous_hosts",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
          },
        },
      ],
      host_selection_retry_max_attempts: "20",
    }),
  },
  async ({ client, application: { v1, v2 } }) => {
    v1.script(() => status(503));
    for (let i = 0; i < 10; i++) expect((await client.request("/")).status).toBe(200);
    expect(v2.requests).toHaveLength(10);
  },
);

traffic(
  "a caller that is not known to be internal has no say in tries",
  {
    legs: DIRECT,
  },
  async ({ client, application: { v1 } }) => {
    v1.answers(status(503), OK);
    const headers = { "x-forwarded-for": "10.0.0.1", "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "2" };
    expect((await client.request("/", { headers })).status).toBe(503);
    expect(v1.requests).toHaveLength(1);
  },
);

traffic(
  "the virtual host's policy is for routes that have none",
  {
    legs: DIRECT,
    virtualHost: { retry_policy: { retry_on: "5xx", num_retries: 1 } },
    routes: [
      { match: { prefix: "/own" }, route: { cluster: "upstream", retry_policy: { retry_on: "retriable-4xx" } } },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client, application: { v1 } }) => {
    v1.answers(status(503), OK);
    expect((await client.request("/")).status).toBe(200);
    v1.answers(status(503), OK);
    expect((await client.request("/own")).status).toBe(503);
  },
);
