// Destinations as people wrote them: of routes, each with the object that says it.

import type { Mesh } from "./mesh.ts";
import { type Origin, originKey } from "./origin.ts";
import type { BackendTarget, Mirror, Route, WeightedBackend } from "./route.ts";

export interface WrittenTarget {
  readonly origin: Origin;
  readonly target: BackendTarget;
}

/** Each once: a rule that holds in several places is written in one. */
export function writtenTargets({ routes, gatewayRoutes }: Mesh): Iterable<WrittenTarget> {
  const written = [...routes, ...gatewayRoutes].flatMap(targetsWrittenIn);
  return new Map(written.map((entry) => [`${originKey(entry.origin)} ${entry.target.path}`, entry])).values();
}

export function targetsWrittenIn(route: Route): readonly WrittenTarget[] {
  const written = (
    rule: { readonly origin: Origin },
    backends: readonly (WeightedBackend | Mirror)[],
  ): readonly WrittenTarget[] => backends.map(({ target }) => ({ origin: rule.origin, target }));
  switch (route.kind) {
    case "http":
      return route.rules.flatMap((rule) =>
        rule.action.kind === "forward" ? written(rule, [...rule.action.backends, ...rule.mirrors]) : [],
      );
    case "tls":
      return route.rules.flatMap((rule) => written(rule, rule.backends));
    case "tcp":
      return route.rules.flatMap((rule) => written(rule, rule.backends));
  }
}
