// How the mesh says that proxies are started: what one level leaves out, the level before it says.

import { type Authored, byAge } from "./origin.ts";
import type { Workload } from "./workload.ts";
import type { ScopeIndex, WorkloadScope } from "./workload-scope.ts";

export interface ProxyStart {
  /** Cores that it may use; 0 is all of them. Undefined: as who starts it likes. */
  readonly concurrency?: number | undefined;
  /** Variables of its process. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProxyStartRule extends Authored {
  readonly scope: WorkloadScope;
  readonly start: ProxyStart;
}

export const AS_IT_LIKES: ProxyStart = { environment: {} };

/** Each variable by itself, as in Istio. */
export function startOver(before: ProxyStart, after: ProxyStart): ProxyStart {
  return {
    concurrency: after.concurrency ?? before.concurrency,
    environment: { ...before.environment, ...after.environment },
  };
}

/** `own`: what the workload says of itself, which comes last. Of several rules of a level the oldest wins. */
export function proxyStartOf(
  rules: ScopeIndex<ProxyStartRule>,
  byDefault: ProxyStart,
  workload: Pick<Workload, "namespace" | "labels">,
  own: ProxyStart,
): ProxyStart {
  const youngestFirst = [...rules.of(workload)].sort(byAge).reverse();
  const levels = [...youngestFirst.sort((a, b) => levelOf(a) - levelOf(b)).map(({ start }) => start), own];
  return levels.reduce(startOver, byDefault);
}

function levelOf({ scope }: ProxyStartRule): number {
  if (scope.kind === "services") return 0;
  const isChoosing = Object.keys(scope.labels).length > 0;
  return isChoosing ? 2 : scope.kind === "namespace" ? 1 : 0;
}
