// The admin API and the dashboard, on loopback.

import { Hono } from "hono";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import type { ApiError } from "./api.ts";
import { type Assets, serveAsset } from "./assets.ts";
import { Events } from "./events.ts";
import { refusal, SECURITY_HEADERS } from "./guard.ts";
import { HistoryCache } from "./history-cache.ts";
import { CONFIGURATION_KINDS, type Sources } from "./sources.ts";
import { callersOf, stateOf } from "./state.ts";

export const DEFAULT_PORT = 20_001;

export interface AdminOptions {
  readonly sources: Sources;
  /** undefined: the page says how to build it. */
  readonly assets: Assets | undefined;
  readonly hostname?: string;
  /** 0 for any free one. */
  readonly port?: number;
  /** Names under which a reverse proxy reaches it, with port where it is not the scheme's own. */
  readonly allowedHosts?: readonly string[];
  readonly maxClients?: number;
}

export interface AdminServer {
  readonly url: string;
  readonly port: number;
  /** Ends streams and connections. */
  stop(): Promise<void>;
}

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Heddle</title>
<body><h1>Heddle</h1><p>The API is up; the dashboard is not built.</p><p>In the checkout: <code>node scripts/bun.mjs dashboard/build.ts</code></p></body></html>`;

const log = logger("admin");

function failed(error: string, status: number, hint?: string, headers: Record<string, string> = {}): Response {
  const body: ApiError = hint === undefined ? { error } : { error, hint };
  return Response.json(body, { status, headers });
}

function routes(
  sources: Sources,
  events: Events,
  assets: Assets | undefined,
): Hono<{ Bindings: { unbounded: () => void } }> {
  const app = new Hono<{ Bindings: { unbounded: () => void } }>();
  const api = app.basePath("/api/v1");
  const state = () => stateOf(sources);
  const history = new HistoryCache(sources);

  app.get("/healthz", (c) => c.text("ok\n"));
  api.get("/state", (c) => c.json(state()));
  api.get("/mesh", (c) => c.json(state().mesh));
  api.get("/topology", (c) => c.json(state().topology));
  api.get("/callers", (c) => c.json(callersOf(sources)));
  api.get("/services", (c) => c.json(state().services));
  api.get("/proxies", (c) => c.json(state().proxies));

  api.get("/unacknowledged", (c) => {
    const id = c.req.query("proxy") ?? "";
    const found = sources.control.acknowledgement(id);
    return found ? c.json(found) : failed(`no such proxy: ${id.slice(0, 200)}`, 404, "an id of /api/v1/proxies");
  });

  api.get("/configuration", (c) => {
    const id = c.req.query("proxy") ?? "";
    const kind = CONFIGURATION_KINDS.find((one) => one === c.req.query("kind"));
    if (!kind) return failed("no such kind", 400, `kind=${CONFIGURATION_KINDS.join(", ")}`);
    const found = sources.control.configuration(id, kind);
    return found ? c.json(found) : failed(`no such proxy: ${id.slice(0, 200)}`, 404, "an id of /api/v1/proxies");
  });

  api.get("/conditions", (c) => c.json(sources.control.conditions()));

  api.get("/history", (c) => {
    const service = c.req.query("service");
    const span = c.req.query("span");
    const spanMs = span === undefined ? undefined : Number(span);
    if (!service) return failed("query parameter missing: service", 400, "the service's host, as in /api/v1/services");
    if (spanMs !== undefined && !Number.isFinite(spanMs))
      return failed(`span is not a number: "${span}"`, 400, "in ms");
    return c.json(history.view({ service, spanMs }));
  });

  api.get("/events", (c) => {
    const stream = events.open(c.req.header("last-event-id"));
    if (!stream) return failed("too many open event streams", 503, "close other dashboards", { "retry-after": "5" });
    c.env.unbounded();
    return new Response(stream, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
    });
  });
  api.all("*", (c) => failed(`no such resource: ${c.req.path.slice(0, 200)}`, 404, "/api/v1/state holds everything"));

  app.get("*", (c) => {
    if (!assets) return c.req.path === "/" ? c.html(NOT_BUILT, 503) : failed("the dashboard is not built", 404);
    return serveAsset(assets, c.req.path, c.req.raw) ?? failed(`no such file: ${c.req.path.slice(0, 200)}`, 404);
  });
  app.onError((error) => {
    log.error("request to the admin API failed", { error });
    return failed("internal error", 500, "the control plane's log says more");
  });
  return app;
}

function secured(response: Response): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value);
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  return response;
}

/** Serves until `stop`. Throws a Failure when the port is taken. */
export function serveAdmin(options: AdminOptions): AdminServer {
  const { sources, assets, hostname = "127.0.0.1", port = DEFAULT_PORT, allowedHosts = [], maxClients } = options;
  const events = new Events({ state: () => stateOf(sources), ...(maxClients === undefined ? {} : { maxClients }) });
  const app = routes(sources, events, assets);
  try {
    const server = Bun.serve({
      hostname,
      port,
      maxRequestBodySize: 1_024,
      async fetch(request, self) {
        if (request.method !== "GET" && request.method !== "HEAD") {
          return secured(failed(`method not allowed: ${request.method}`, 405, undefined, { allow: "GET, HEAD" }));
        }
        const refused = refusal(request, hostname, self.port ?? port, allowedHosts);
        if (refused)
          return secured(failed(refused, 403, `open http://127.0.0.1:${self.port}/, or allow the host by name`));
        // Bun closes a connection that is silent for 10 s; a stream's events are a second apart, but its reader may be slower.
        return secured(await app.fetch(request, { unbounded: () => self.timeout(request, 0) }));
      },
    });
    const stop = async () => {
      events.close();
      await server.stop(true);
    };
    return { url: `http://${hostname}:${server.port}/`, port: server.port ?? port, stop };
  } catch (thrown) {
    throw new Failure(`cannot serve the dashboard on ${hostname}:${port}: ${Failure.from(thrown).message}`, {
      hint: "is another control plane running? choose another port",
      cause: thrown,
    });
  }
}
