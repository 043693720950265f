// An explanation by what proxies say that they run: the client's is asked first, and its answer says whose come after it.

import type { Mesh } from "../model/mesh.ts";
import type { SourceMap } from "../model/source-map.ts";
import type { Workload } from "../model/workload.ts";
import { Explainer } from "./explain.ts";
import type { Explanation } from "./explanation.ts";
import type { LiveProxies } from "./live.ts";
import type { Question } from "./question.ts";

/** The story goes on at one server; which, may change with what the client's proxy says. */
const MAX_SERVERS = 8;

export type AskProxies = (workloads: readonly Workload[]) => Promise<LiveProxies>;

export async function explainLive(
  mesh: Mesh,
  sources: SourceMap,
  question: Question,
  ask: AskProxies,
): Promise<Explanation> {
  const client = await ask([question.entry.workload]);
  const first = new Explainer(mesh, sources, client).explain(question);
  const servers = serversOf(mesh, first).slice(0, MAX_SERVERS);
  return new Explainer(mesh, sources, new Map([...(await ask(servers)), ...client])).explain(question);
}

function serversOf(mesh: Mesh, { clusters }: Explanation): readonly Workload[] {
  const names = new Set(clusters.flatMap(({ endpoints }) => endpoints.flatMap(({ workload }) => workload ?? [])));
  return mesh.workloads.filter(({ namespace, name }) => names.has(`${namespace}/${name}`));
}
