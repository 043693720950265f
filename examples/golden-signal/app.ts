// golden-signal: a service whose traffic, latency, errors and saturation are turned by its environment. It knows nothing of the mesh.

import { ApplicationMetrics } from "./metrics.ts";

function numberFrom(name: string, fallback: number, min: number, max: number): number {
  const text = process.env[name];
  const value = text === undefined || text === "" ? fallback : Number(text);
  if (value >= min && value <= max) return value;
  console.error(`golden-signal: ${name} must be a number from ${min} to ${max}: ${JSON.stringify(text)}`);
  process.exit(64);
}

const port = numberFrom("PORT", 8080, 0, 65_535);
const version = process.env.VERSION ?? "v1";
/** Median time of an answer. */
const latencyMs = numberFrom("LATENCY_MS", 5, 0, 60_000);
/** Share of requests that are answered 500. */
const errorRate = numberFrom("ERROR_RATE", 0, 0, 1);

const metrics = new ApplicationMetrics(version);

/** Log-normal, as latencies of real services are: half of them below the median, one in a hundred above its triple. */
function delayMs(): number {
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return latencyMs * Math.exp(0.5 * normal);
}

async function answer(): Promise<Response> {
  const startedAt = performance.now();
  metrics.begin();
  if (latencyMs > 0) await Bun.sleep(delayMs());
  const code = Math.random() < errorRate ? 500 : 200;
  metrics.end(code, performance.now() - startedAt);
  return Response.json(
    { service: "golden-signal", version, ok: code === 200 },
    { status: code, headers: { "x-golden-signal-version": version } },
  );
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port,
  routes: {
    "/metrics": () => new Response(metrics.text(), { headers: { "content-type": "text/plain; version=0.0.4" } }),
    "/healthz": () => new Response("ok\n"),
  },
  fetch: answer,
});
console.log(`golden-signal ${version} listens on 127.0.0.1:${server.port}`);

/** Bun waits without end for a connection that has not brought a request yet, and proxies hold such connections ready. */
const LAST_ANSWERS_MS = 1_000;

async function end(): Promise<void> {
  await Promise.race([server.stop(), Bun.sleep(LAST_ANSWERS_MS)]); // what is under way is answered first
  process.exit(0);
}
process.on("SIGTERM", () => void end());
process.on("SIGINT", () => void end());
