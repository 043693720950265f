import { expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { checkMetrics } from "../stats/promtool-fixture.ts";
import { Registry } from "../stats/registry.ts";
import { CountedSigner } from "./counted-signer.ts";
import { serveStatus } from "./status.ts";

const promtool = findComponent("promtool");

async function scraped(registry: Registry): Promise<string> {
  const status = serveStatus({
    host: "127.0.0.1",
    port: 0,
    registry,
    fetch: async () => new Response("# TYPE istio_requests_total counter\nistio_requests_total 3\n"),
    proxyMetricsUrl: "http://proxy/",
    applicationMetricsUrl: "http://application/",
    compresses: true,
    isReady: () => true,
    quit() {},
  });
  try {
    return await (await fetch(`http://127.0.0.1:${status.port}/stats/prometheus`)).text();
  } finally {
    status.stop();
  }
}

async function counted(): Promise<Registry> {
  const registry = new Registry();
  const answers = [Promise.resolve({ chain: ["leaf"], roots: "roots" }), Promise.reject(new Error("no"))];
  const signer = new CountedSigner({ sign: () => answers.shift()! }, registry);
  expect(await signer.sign("csr", 1)).toEqual({ chain: ["leaf"], roots: "roots" });
  expect(signer.sign("csr", 1)).rejects.toThrow("no");
  await Bun.sleep(0);
  return registry;
}

test("calls of the authority are counted, those that fail too", async () => {
  const text = await scraped(await counted());
  expect(text).toContain('istio_agent_num_outgoing_requests{request_type="csr"} 2\n');
  expect(text).toContain('istio_agent_num_failed_outgoing_requests{request_type="csr"} 1\n');
  expect(text).toContain('istio_agent_outgoing_latency_count{request_type="csr"} 2\n');
});

test.skipIf(!promtool && process.env.CI !== "true")(
  "promtool reads the agent's merged scrape (needs promtool)",
  async () => {
    const { code, output } = await checkMetrics(promtool ?? "promtool", await scraped(await counted()));
    expect([0, 3], output).toContain(code);
    expect(output).not.toContain("error while linting");
  },
);
