// The agent's port (15020): is the sidecar ready, and the metrics of agent, proxy and application in one scrape.

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { CONTENT_TYPE, expositionText } from "../stats/exposition.ts";
import { type ExpositionPart, mergeExpositions } from "../stats/merge.ts";
import { SCRAPE_FAILURES, SCRAPES } from "../stats/names/agent.ts";
import { formatOfContentType, negotiateFormat } from "../stats/negotiate.ts";
import type { Registry } from "../stats/registry.ts";

/** Elsewhere than on the event loop. */
const compressed = promisify<string, Buffer>(gzip);

const SCRAPE_TIMEOUT_MS = 1_000;
/** Beyond this the application's metrics are left out: they are somebody else's bytes in our memory. */
const MAX_SCRAPE_BYTES = 16 * 1024 * 1024;

export interface StatusOptions {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  /** Of the proxy and the application, wherever they run. */
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** The proxy's own exposition. */
  readonly proxyMetricsUrl: string;
  /** Where the application serves metrics, if it does. */
  readonly applicationMetricsUrl: string | undefined;
  /** For who takes gzip. */
  readonly compresses: boolean;
  isReady(): boolean;
  /** POST /quitquitquit: the sidecar ends, for jobs whose containers are done. */
  quit(): void;
}

/** The body, read no further than the limit. Throws when it is longer, and for a status other than 2xx. */
async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (!response.ok || bytes > MAX_SCRAPE_BYTES) throw new Error(`HTTP status ${response.status}, ${bytes} bytes`);
    chunks.push(chunk);
  }
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return Buffer.concat(chunks).toString("utf8");
}

async function scrape(
  source: "proxy" | "application",
  url: string,
  fetch: StatusOptions["fetch"],
  onFailure: () => void,
): Promise<ExpositionPart | undefined> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(SCRAPE_TIMEOUT_MS),
      headers: { accept: "text/plain;version=0.0.4" },
    });
    const text = await boundedText(response);
    const format = formatOfContentType(response.headers.get("content-type"));
    return { source, text, format, trusted: source === "proxy" };
  } catch {
    onFailure(); // counted; a failing application must not take the mesh's metrics with it
    return undefined;
  }
}

async function mergedMetrics(options: StatusOptions, request: Request): Promise<Response> {
  const { registry, proxyMetricsUrl, applicationMetricsUrl } = options;
  const scrapes = registry.counter(SCRAPES);
  scrapes.increment(scrapes.series([]));
  const failures = registry.counter(SCRAPE_FAILURES);
  const fail = (type: string) => failures.increment(failures.series([type]));
  const results = await Promise.all([
    scrape("proxy", proxyMetricsUrl, options.fetch, () => fail("envoy")),
    applicationMetricsUrl === undefined
      ? undefined
      : scrape("application", applicationMetricsUrl, options.fetch, () => fail("application")),
  ]);
  const format = negotiateFormat(request.headers.get("accept"));
  const own: ExpositionPart = {
    source: "agent",
    text: expositionText(registry, "text"),
    format: "text",
    trusted: true,
  };
  const merged = mergeExpositions([own, ...results.flatMap((result) => result ?? [])], format);
  for (const { source } of merged.problems) fail(source === "proxy" ? "envoy" : source);
  const headers = { "content-type": CONTENT_TYPE[format], vary: "accept-encoding" };
  if (!options.compresses || !takesGzip(request)) return new Response(merged.text, { headers });
  return new Response(await compressed(merged.text), { headers: { ...headers, "content-encoding": "gzip" } });
}

/** RFC 9110 12.5.3: named with a weight above 0. */
function takesGzip({ headers }: Request): boolean {
  return (headers.get("accept-encoding") ?? "")
    .split(",")
    .some((each) => /^\s*(?:x-)?gzip\s*(?:;\s*q=(?!0(?:\.0{0,3})?\s*$)[\d.]+\s*)?$/i.test(each));
}

async function answer(options: StatusOptions, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/healthz/ready":
      return options.isReady() ? new Response("ready\n") : new Response("not ready\n", { status: 503 });
    case "/stats/prometheus":
    case "/metrics":
      return mergedMetrics(options, request);
    case "/quitquitquit":
      if (request.method !== "POST") return new Response("only POST\n", { status: 405 });
      options.quit();
      return new Response("quitting\n");
    default:
      return new Response("unknown path\n", { status: 404 });
  }
}

/** Serves until `stop` of the result is called. */
export function serveStatus(options: StatusOptions): { readonly port: number; stop(): void } {
  const server = Bun.serve({
    hostname: options.host,
    port: options.port,
    fetch: (request) => answer(options, request),
  });
  return { port: server.port ?? 0, stop: () => void server.stop(true) };
}
