// What the control plane knows of itself and its proxies, from the admin API.

import { Option } from "commander";
import type { ApiError, Callers, State } from "../admin/api.ts";
import { Failure } from "../base/failure.ts";
import { fetchProblem } from "../base/fetch-problem.ts";
import { readNote, stateFolder } from "./state-folder.ts";
import { serverUrl } from "./values.ts";

const DEFAULT_DASHBOARD = "http://127.0.0.1:20001";

export interface MeshOptions {
  readonly dashboard?: string;
  readonly state?: string;
}

export function dashboardOption(): Option {
  return new Option("--dashboard <url>", "dashboard of the control plane (default: the one that runs here)").argParser(
    serverUrl("--dashboard"),
  );
}

export function dashboardOf({ dashboard, state }: MeshOptions): string {
  return dashboard ?? readNote(stateFolder(state))?.dashboard ?? DEFAULT_DASHBOARD;
}

/** Rejects with a Failure when nothing answers, or it is something else. */
export async function fetchState(options: MeshOptions): Promise<State> {
  const body = await fetchAdmin(options, "/api/v1/state");
  if (typeof body === "object" && body !== null && "mesh" in body) return body as State;
  throw new Failure(`${dashboardOf(options)} is no control plane of Heddle`, WRONG_DASHBOARD);
}

/** Who called whom in the last hour. Rejects as `fetchState`. */
export async function fetchCallers(options: MeshOptions): Promise<Callers> {
  const body = await fetchAdmin(options, "/api/v1/callers");
  if (typeof body === "object" && body !== null && "edges" in body) return body as Callers;
  throw new Failure(`${dashboardOf(options)} is no control plane of Heddle`, WRONG_DASHBOARD);
}

const WRONG_DASHBOARD = { hint: "name its dashboard with --dashboard" } as const;

/** What the admin API says at a path. Rejects with a Failure when nothing answers, or it refuses. */
export async function fetchAdmin(options: MeshOptions, path: string): Promise<unknown> {
  const url = dashboardOf(options);
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(5_000) });
  } catch (cause) {
    throw new Failure(`cannot reach the control plane at ${url}: ${fetchProblem(cause)}`, {
      hint: "start it with `heddle up`, or name the dashboard of another with --dashboard",
      cause,
    });
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && body !== undefined) return body;
  const error = (body as ApiError | undefined)?.error ?? `status ${response.status}`;
  throw new Failure(`${url} is no control plane of Heddle: ${error}`, WRONG_DASHBOARD);
}
