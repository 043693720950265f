// The admin port of several workers: statistics of all together, readiness of all, and the rest as one of them tells it. What changes
// something changes it in each.

import { CONTENT_TYPE } from "../../stats/exposition.ts";
import { negotiateFormat } from "../../stats/negotiate.ts";
import type { ExpositionSum } from "../../stats/sum.ts";
import { sumHostLines } from "./host-lines.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** What of the supervisor is asked for here. */
export interface Supervised {
  readonly isDraining: boolean;
  /** Workers that take new connections. */
  readonly serving: readonly WorkerProcess[];
  isReady(): Promise<boolean>;
  sum(): Promise<ExpositionSum>;
  /** Drains, and ends the process. */
  quit(): void;
}

function text(body: string, status = 200): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

async function ready(supervisor: Supervised): Promise<Response> {
  if (supervisor.isDraining) return text("DRAINING\n", 503);
  return (await supervisor.isReady()) ? text("LIVE\n") : text("INITIALIZING\n", 503);
}

/** Text or OpenMetrics, as `Accept` asks. */
async function metrics(supervisor: Supervised, request: Request): Promise<Response> {
  const format = negotiateFormat(request.headers.get("accept"));
  const sum = await supervisor.sum();
  return new Response(sum.text(format), { headers: { "content-type": CONTENT_TYPE[format] } });
}

function pass(worker: WorkerProcess, request: Request, path: string): Promise<Response> {
  const headers = { accept: request.headers.get("accept") ?? "*/*" };
  return worker.fetch(path, { method: request.method, headers }).catch(() => text("the worker does not answer\n", 503));
}

/** The counts of hosts of all workers together. */
async function clusters({ serving }: Supervised, request: Request): Promise<Response> {
  const answers = await Promise.all(serving.map((worker) => pass(worker, request, "/clusters")));
  const texts = await Promise.all(answers.filter(({ ok }) => ok).map((answer) => answer.text()));
  return texts.length === 0 ? text("no worker serves\n", 503) : text(sumHostLines(texts));
}

/** Listeners and configuration are the same in all; their counts are those of the worker that answers. */
async function ask({ serving }: Supervised, request: Request, path: string): Promise<Response> {
  const [first, ...others] = serving;
  if (!first) return text("no worker serves\n", 503);
  if (request.method !== "POST") return pass(first, request, path);
  const [response] = await Promise.all([first, ...others].map((worker) => pass(worker, request, path)));
  return response!;
}

/** Answers one admin request. */
export async function supervisorResponse(supervisor: Supervised, request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (request.method === "GET" && pathname === "/ready") return ready(supervisor);
  if (request.method === "GET" && (pathname === "/stats/prometheus" || search === "?format=prometheus"))
    return metrics(supervisor, request);
  if (request.method === "GET" && pathname === "/clusters" && search === "") return clusters(supervisor, request);
  if (request.method === "POST" && pathname === "/quitquitquit") {
    supervisor.quit();
    return text("OK\n");
  }
  return ask(supervisor, request, pathname + search);
}
