// The admin port of several workers: statistics of all together, readiness of all, and the rest as one of them tells it. What changes
// something changes it in each.

import { CONTENT_TYPE } from "../../stats/exposition.ts";
import { negotiateFormat } from "../../stats/negotiate.ts";
import type { ExpositionSum } from "../../stats/sum.ts";
import { refusalOf } from "../admin/admin.ts";
import { json, text } from "../admin/answer.ts";
import { sumHostLines } from "./host-lines.ts";
import { type Clusters, sumHostStatuses } from "./host-statuses.ts";
import type { Tapped } from "./merged-tap.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** What of the supervisor is asked for here. */
export interface Supervised {
  readonly isDraining: boolean;
  /** Workers that take new connections. */
  readonly serving: readonly WorkerProcess[];
  isReady(): Promise<boolean>;
  sum(): Promise<ExpositionSum>;
  /** What workers that are gone have counted is in no sum any more. */
  forgetPast(): void;
  /** Drains, and ends the process. */
  quit(): void;
}

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

/** `/stats`, under Envoy's names. The page is loaded when somebody asks, as a worker's is. */
async function statistics(supervisor: Supervised, query: URLSearchParams): Promise<Response> {
  const [{ statsPage }, { statsOfSum }] = await Promise.all([import("../admin/stats.ts"), import("./sum-stats.ts")]);
  const sum = await supervisor.sum();
  return statsPage(query, () => statsOfSum(sum));
}

async function tap(supervisor: Supervised, request: Request, url: URL): Promise<Response> {
  const [{ readTapOrder }, { mergedTap }] = await Promise.all([import("../admin/tap.ts"), import("./merged-tap.ts")]);
  const { method } = request;
  const body = method === "POST" ? await request.text() : null;
  const result = await readTapOrder(url.searchParams, new Request(url.href, { method, body }));
  if (result.kind === "refused") return text(`${result.reason}\n`, 400);
  const tapped = new WeakMap<WorkerProcess, Tapped>();
  const tappedOf = (worker: WorkerProcess): Tapped => {
    const known = tapped.get(worker) ?? {
      tap: (signal) => worker.fetch(url.pathname + url.search, { method, body, signal }),
    };
    tapped.set(worker, known);
    return known;
  };
  return mergedTap(result.order, () => supervisor.serving.map(tappedOf));
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
  if (texts.length === 0) return text("no worker serves\n", 503);
  if (new URLSearchParams(search).get("format") !== "json") return text(sumHostLines(texts));
  return json(sumHostStatuses(texts.map((one) => JSON.parse(one) as Clusters)));
}

/** Listeners and configuration are the same in all; their counts are those of the worker that answers. */
async function ask({ serving }: Supervised, request: Request, path: string): Promise<Response> {
  const [first, ...others] = serving;
  if (!first) return text("no worker serves\n", 503);
  if (request.method !== "POST") return pass(first, request, path);
  const answers = await Promise.all([first, ...others].map((worker) => pass(worker, request, path)));
  return answers.find(({ ok }) => !ok) ?? answers[0]!;
}

/** Answers one admin request. `remote`: the client's address. */
export async function supervisorResponse(
  supervisor: Supervised,
  request: Request,
  remote: string | undefined,
): Promise<Response> {
  const refusal = refusalOf(request, remote);
  if (refusal) return refusal;
  const url = new URL(request.url);
  const { pathname, search, searchParams } = url;
  const { method } = request;
  const isPrometheus =
    pathname === "/stats/prometheus" || (pathname === "/stats" && searchParams.get("format") === "prometheus");
  if (method === "GET" && pathname === "/ready") return ready(supervisor, request);
  if (method === "GET" && isPrometheus) return metrics(supervisor, request);
  if (method === "GET" && pathname === "/stats") return statistics(supervisor, searchParams);
  if (method === "GET" && pathname === "/clusters") return clusters(supervisor, request, search);
  if ((method === "GET" || method === "POST") && pathname === "/tap") return tap(supervisor, request, url);
  if (method === "POST" && pathname === "/reset_counters") supervisor.forgetPast();
  if (method === "POST" && pathname === "/quitquitquit") {
    supervisor.quit();
    return text("OK\n");
  }
  return ask(supervisor, request, pathname + search);
}
