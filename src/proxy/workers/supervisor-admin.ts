// The admin port of several workers: statistics of all together, readiness of all, and the rest as one of them tells it. What changes
// something changes it in each.

import { CONTENT_TYPE } from "../../stats/exposition.ts";
import { negotiateFormat } from "../../stats/negotiate.ts";
import type { ExpositionSum } from "../../stats/sum.ts";
import { refusalOf } from "../admin/admin.ts";
import { text } from "../admin/answer.ts";
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

/** What only one process could tell of its own share, and what would have to be one stream of all. */
const ALONE: Readonly<Record<string, string>> = {
  "/stats": "the sums of all workers are at /stats/prometheus",
  "/reset_counters": "the sums count the workers that are gone, too",
  "/tap": "run the proxy without --concurrency to tap it",
};

/** A worker that an operator told to fail health checks drains, for whoever balances over them all. */
async function ready(supervisor: Supervised, request: Request): Promise<Response> {
  if (supervisor.isDraining) return text("DRAINING\n", 503);
  if (await supervisor.isReady()) return text("LIVE\n");
  const answers = await Promise.all(supervisor.serving.map((worker) => pass(worker, request, "/ready")));
  const states = await Promise.all(answers.map((answer) => answer.text()));
  return text(states.includes("DRAINING\n") ? "DRAINING\n" : "INITIALIZING\n", 503);
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
async function clusters({ serving }: Supervised, request: Request, search: string): Promise<Response> {
  const answers = await Promise.all(serving.map((worker) => pass(worker, request, `/clusters${search}`)));
  const refused = answers.find(({ status }) => status === 400); // a filter that is none
  if (refused) return refused;
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

/** Answers one admin request. `remote`: the client's address. */
export async function supervisorResponse(
  supervisor: Supervised,
  request: Request,
  remote: string | undefined,
): Promise<Response> {
  const refusal = refusalOf(request, remote);
  if (refusal) return refusal;
  const { pathname, search, searchParams } = new URL(request.url);
  const isPrometheus =
    pathname === "/stats/prometheus" || (pathname === "/stats" && searchParams.get("format") === "prometheus");
  if (request.method === "GET" && pathname === "/ready") return ready(supervisor, request);
  if (request.method === "GET" && isPrometheus) return metrics(supervisor, request);
  if (request.method === "GET" && pathname === "/clusters" && searchParams.get("format") !== "json")
    return clusters(supervisor, request, search);
  if (request.method === "POST" && pathname === "/quitquitquit") {
    supervisor.quit();
    return text("OK\n");
  }
  const alone = ALONE[pathname];
  if (alone !== undefined) return text(`${pathname} is not there with several workers: ${alone}\n`, 501);
  return ask(supervisor, request, pathname + search);
}
