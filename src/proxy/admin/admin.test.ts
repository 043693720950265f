import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BootstrapSchema } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { startProxy } from "../main.ts";
import { parse, socketAddress, TestProxy } from "../proxy-fixture.ts";
import { closedPort } from "../raw-peer-fixture.ts";
import { adminResponse } from "./admin.ts";
import type { AdminState } from "./state.ts";

let proxy: TestProxy;
let base: string;
const application = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    const text = await request.text();
    return new Response(`heard ${text}`, {
      status: request.url.endsWith("/bad") ? 500 : 200,
      headers: { "set-cookie": "s=1" },
    });
  },
});

beforeAll(() => {
  proxy = new TestProxy({ ports: [application.port!], admin: true });
  base = `http://127.0.0.1:${proxy.proxy.adminPort}`;
});

afterAll(async () => {
  await proxy.close();
  await application.stop(true);
});

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${base}${path}`, { ...init, signal: AbortSignal.timeout(5_000) });
}

function call(path: string, init: RequestInit = {}): Promise<string> {
  return fetch(`http://127.0.0.1:${proxy.port}${path}`, { ...init, keepalive: false }).then((response) =>
    response.text(),
  );
}

interface Trace {
  readonly http_buffered_trace: {
    readonly request: Part;
    readonly response: Part;
    readonly downstream_connection: object;
  };
}

interface Part {
  readonly headers: readonly { readonly key: string; readonly value: string }[];
  readonly body?: { readonly as_string?: string; readonly as_bytes?: string; readonly truncated?: boolean };
}

/** What a tap of one exchange tells. */
async function oneTrace(answer: Promise<Response>, calls: () => Promise<unknown>): Promise<Trace> {
  const response = await answer;
  expect(response.status).toBe(200);
  await calls();
  return JSON.parse(await response.text()) as Trace;
}

const header = ({ headers }: Part, name: string) => headers.find(({ key }) => key === name)?.value;

describe("a tap by GET", () => {
  test("tells of what matches, and ends after so many", async () => {
    const trace = await oneTrace(
      ask("/tap?count=1&path=/wanted&header=x-kind:a&status=2xx&source=127.0.0.1"),
      async () => {
        await call("/unwanted", { headers: { "x-kind": "a" } });
        await call("/wanted", { headers: { "x-kind": "b" } });
        await call("/wanted/one", { headers: { "x-kind": "a" } });
      },
    );
    const { request, response } = trace.http_buffered_trace;
    expect(header(request, ":path")).toBe("/wanted/one");
    expect(header(request, ":method")).toBe("GET");
    expect(header(response, ":status")).toBe("200");
    expect(request.body).toBeUndefined();
  });

  test("tells of failures alone", async () => {
    const trace = await oneTrace(ask("/tap?count=1&status=500-599"), async () => {
      await call("/good");
      await call("/bad");
    });
    expect(header(trace.http_buffered_trace.request, ":path")).toBe("/bad");
  });

  test("shows no credentials", async () => {
    const trace = await oneTrace(ask("/tap?count=1&redact=X-Mine"), () =>
      call("/", {
        headers: {
          authorization: "Bearer hush",
          cookie: "s=hush",
          "x-api-key": "hush",
          "x-mine": "hush",
          "x-other": "seen",
        },
      }),
    );
    expect(JSON.stringify(trace)).not.toContain("hush");
    expect(JSON.stringify(trace)).not.toContain("s=1");
    expect(header(trace.http_buffered_trace.request, "authorization")).toBe("[redacted]");
    expect(header(trace.http_buffered_trace.response, "set-cookie")).toBe("[redacted]");
    expect(header(trace.http_buffered_trace.request, "x-other")).toBe("seen");
  });

  test("records so much of a body as is asked for", async () => {
    const trace = await oneTrace(ask("/tap?count=1&body=5"), () => call("/", { method: "POST", body: "0123456789" }));
    expect(trace.http_buffered_trace.request.body).toEqual({ as_string: "01234", truncated: true });
    expect(trace.http_buffered_trace.response.body).toEqual({ as_string: "heard", truncated: true });
  });

  test("refuses what it does not know", async () => {
    for (const query of ["nope=1", "status=abc", "count=-1", "duration=forever"])
      expect([query, (await ask(`/tap?${query}`)).status]).toEqual([query, 400]);
  });

  test("is open so often and no more, and is over when its client goes", async () => {
    const controller = new AbortController();
    const open = await Promise.all([1, 2, 3, 4].map(() => fetch(`${base}/tap`, { signal: controller.signal })));
    expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await ask("/tap")).status).toBe(429);
    expect(proxy.proxy.configuration.taps.count).toBe(4);
    controller.abort();
    for (let i = 0; i < 200 && proxy.proxy.configuration.taps.count > 0; i++) await Bun.sleep(10);
    expect(proxy.proxy.configuration.taps.count).toBe(0);
  });

  test("ends in time", async () => {
    expect(await (await ask("/tap?duration=0")).text()).toBe("\n");
  });
});

describe("a tap by Envoy's request", () => {
  const order = (match: object, sink: object = { streaming_admin: {} }) =>
    JSON.stringify({
      config_id: "any",
      tap_config: {
        match_config: match,
        output_config: { sinks: [{ format: "JSON_BODY_AS_STRING", ...sink }], max_buffered_rx_bytes: 100 },
      },
    });
  const post = (body: string) => ask("/tap", { method: "POST", body });

  test("with a predicate of headers, and a number of traces", async () => {
    const match = {
      and_match: {
        rules: [
          { http_request_headers_match: { headers: [{ name: ":path", string_match: { prefix: "/p" } }] } },
          {
            not_match: {
              http_response_headers_match: { headers: [{ name: ":status", string_match: { exact: "500" } }] },
            },
          },
        ],
      },
    };
    const trace = await oneTrace(post(order(match, { buffered_admin: { max_traces: 1 } })), async () => {
      await call("/other");
      await call("/p/bad");
      await call("/p", { method: "POST", body: "in" });
    });
    expect(trace.http_buffered_trace.request.body?.as_string).toBe("in");
    expect(trace.http_buffered_trace.response.body?.as_string).toBe("heard in");
  });

  test("in YAML, with bytes", async () => {
    const yaml =
      "config_id: a\ntap_config:\n  match: {any_match: true}\n  output_config:\n    sinks: [{buffered_admin: {max_traces: 1}}]\n";
    const trace = await oneTrace(post(yaml), () => call("/", { method: "POST", body: "in" }));
    expect(trace.http_buffered_trace.request.body?.as_bytes).toBe(Buffer.from("in").toString("base64"));
  });

  test("refuses by the field's path", async () => {
    const file = order({ any_match: true }, { file_per_tap: { path_prefix: "/tmp/x" } });
    expect(await (await post(file)).text()).toContain("tap_config.output_config.sinks[0]");
    expect(await (await post(order({}))).text()).toContain("tap_config.match_config");
    expect(await (await post("{")).text()).toContain("cannot be read");
    expect((await post(JSON.stringify({ config_id: "a" }))).status).toBe(400);
  });
});

describe("who may ask", () => {
  const state = () => ({ configuration: proxy.proxy.configuration, isReady: () => true }) as unknown as AdminState;
  const from = (
    remote: string | undefined,
    headers: Record<string, string> = {},
    url = "http://127.0.0.1:15000/ready",
  ) => adminResponse(state(), new Request(url, { headers }), remote).then(({ status }) => status);

  test("this machine", async () => {
    expect(await from("127.0.0.1")).toBe(200);
    expect(await from("::1")).toBe(200);
    expect(await from("::ffff:127.0.0.1")).toBe(200);
    expect(await from(undefined)).toBe(200);
  });

  test("nobody else, and no page of another site in this machine's browser", async () => {
    expect(await from("10.0.0.1")).toBe(403);
    expect(await from("127.0.0.1", { "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await from("127.0.0.1", {}, "http://rebound.test:15000/ready")).toBe(403);
  });
});

test("a page that changes something takes POST alone", async () => {
  for (const path of [
    "/quitquitquit",
    "/drain_listeners",
    "/healthcheck/fail",
    "/healthcheck/ok",
    "/logging",
    "/reset_counters",
  ])
    expect([path, (await ask(path)).status]).toEqual([path, 405]);
});

test("/quitquitquit stops the proxy after its answer", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const port = closedPort();
  const bootstrap = parse(BootstrapSchema, { admin: { address: socketAddress(port) } });
  const running = startProxy({ bootstrap, version: "test", drainMs: 0, reusePort: false, onQuit: resolve });
  expect(await (await fetch(`http://127.0.0.1:${port}/quitquitquit`, { method: "POST" })).text()).toBe("OK\n");
  await promise;
  await running.stop();
});

test("/drain_listeners with skip_exit tells clients to go, those that come later as well, and serves them", async () => {
  const other = new TestProxy({ ports: [application.port!], admin: true });
  try {
    const ask = async () => {
      const { status, headers } = await fetch(`http://127.0.0.1:${other.port}/`, { keepalive: false });
      return [status, headers.get("connection")] as const;
    };
    const [, kept] = await ask();
    expect(kept).not.toBe("close");
    const drain = `http://127.0.0.1:${other.proxy.adminPort}/drain_listeners?graceful&skip_exit`;
    await fetch(`${drain}&inboundonly`, { method: "POST" });
    expect(await ask()).toEqual([200, kept]);
    await fetch(drain, { method: "POST" });
    for (let i = 0; i < 2; i++) expect(await ask()).toEqual([200, "close"]);
  } finally {
    await other.close();
  }
});

test("/drain_listeners closes the listeners and leaves the admin interface", async () => {
  const other = new TestProxy({ ports: [application.port!], admin: true });
  try {
    const admin = `http://127.0.0.1:${other.proxy.adminPort}`;
    const { port } = other;
    await fetch(`${admin}/drain_listeners?inboundonly`, { method: "POST" });
    expect((await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).status).toBe(200);
    await fetch(`${admin}/drain_listeners?graceful`, { method: "POST" });
    await fetch(`${admin}/drain_listeners`, { method: "POST" });
    await expect(fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).rejects.toThrow();
    expect((await fetch(`${admin}/ready`)).status).toBe(200);
  } finally {
    await other.close();
  }
});
