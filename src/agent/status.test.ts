import { afterEach, expect, test } from "bun:test";
import { Registry } from "../stats/registry.ts";
import { type StatusOptions, serveStatus } from "./status.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const PROXY = "# TYPE istio_requests_total counter\nistio_requests_total 3\n";
const APPLICATION =
  '# TYPE app_total counter\napp_total 7\n# TYPE istio_requests_total counter\nistio_requests_total{app="1"} 9\n';

/** Serves with these answers of the proxy's and the application's endpoints; gives back how to ask. */
function serve(proxy: () => Response, application: () => Response, options: Partial<StatusOptions> = {}) {
  const { port, stop } = serveStatus({
    host: "127.0.0.1",
    port: 0,
    registry: new Registry(),
    fetch: async (url) => (url.includes("proxy") ? proxy() : application()),
    proxyMetricsUrl: "http://proxy/",
    applicationMetricsUrl: "http://application/",
    compresses: true,
    isReady: () => true,
    quit() {},
    ...options,
  });
  stops.push(stop);
  return (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
}

test("one scrape has the metrics of agent, proxy and application, each family once", async () => {
  const ask = serve(
    () => new Response(PROXY),
    () => new Response(APPLICATION),
  );
  const text = await (await ask("/stats/prometheus")).text();
  expect(text).toContain("istio_requests_total 3\n");
  expect(text).toContain("app_total 7\n");
  expect(text.match(/# TYPE istio_requests_total/g)).toBeArrayOfSize(1);
  expect(text).toMatch(/^istio_agent_scrapes_total 1$/m);
});

test("an application that fails, lies or floods costs its own metrics alone, and is counted", async () => {
  let pulled = 0;
  const flood = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(1 << 20));
        },
      }),
    );
  const broken: (() => Response)[] = [
    () => new Response("oops", { status: 500 }),
    () => {
      throw new Error("refused");
    },
    flood,
  ];
  for (const application of broken) {
    const ask = serve(() => new Response(PROXY), application);
    expect(await (await ask("/stats/prometheus")).text()).toContain("istio_requests_total 3\n");
    expect(await (await ask("/stats/prometheus")).text()).toMatch(
      /^istio_agent_scrape_failures_total\{type="application"\} 2$/m,
    );
  }
  expect(pulled).toBeLessThan(50);
  const garbage = serve(
    () => new Response(PROXY),
    () => new Response("this is {no exposition\n"),
  );
  expect(await (await garbage("/metrics")).text()).toContain("istio_requests_total 3\n");
});

test("readiness follows the sidecar; only a POST ends it; other paths are unknown", async () => {
  let ready = false;
  let quits = 0;
  const ask = serve(
    () => new Response(PROXY),
    () => new Response(""),
    { isReady: () => ready, quit: () => quits++ },
  );
  expect((await ask("/healthz/ready")).status).toBe(503);
  ready = true;
  expect((await ask("/healthz/ready")).status).toBe(200);
  expect((await ask("/quitquitquit")).status).toBe(405);
  expect(quits).toBe(0);
  expect((await ask("/quitquitquit", { method: "POST" })).status).toBe(200);
  expect(quits).toBe(1);
  expect((await ask("/etc/passwd")).status).toBe(404);
});

test("metrics are compressed for who takes gzip, unless the mesh says they are not", async () => {
  const asked = async (accept: string, options: Partial<StatusOptions> = {}) => {
    const ask = serve(
      () => new Response(PROXY),
      () => new Response(APPLICATION),
      options,
    );
    const response = await ask("/stats/prometheus", { headers: { "accept-encoding": accept } });
    expect(await response.text()).toContain("app_total 7\n");
    return response.headers.get("content-encoding");
  };
  for (const accept of ["gzip", "br, gzip;q=0.5", "x-gzip", "GZIP ; q=1"]) expect(await asked(accept)).toBe("gzip");
  for (const accept of ["identity", "gzip;q=0", "br, gzip;q=0.000", "gzipped"]) expect(await asked(accept)).toBeNull();
  expect(await asked("gzip", { compresses: false })).toBeNull();
});
