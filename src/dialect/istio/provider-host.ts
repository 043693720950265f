// The service that an extension provider is.

import { hostProblem } from "../formats.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./mesh-diagnostics.ts";
import { resolveHost } from "./names.ts";

export interface ProviderReading {
  /** Where they stand. */
  readonly path: string;
  /** As written: of kinds that are not acted on the reading has no value. */
  readonly written: unknown;
  readonly clusterDomain: string;
  readonly reporter: Reporter;
}

/** `host`, or `namespace/host`. */
export function readProviderHost(
  service: string,
  path: string,
  { clusterDomain, reporter }: Pick<ProviderReading, "clusterDomain" | "reporter">,
): string {
  const slash = service.indexOf("/");
  const host = service.slice(slash + 1);
  const problem = hostProblem(host) ?? (host.includes(".") ? undefined : "it has no dot, and no namespace to look in");
  if (problem !== undefined) reporter.report(path, diagnostics.badProviderService(service, problem));
  else if (slash !== -1) reporter.report(path, diagnostics.providerNamespace(service.slice(0, slash)));
  return resolveHost(host, "", clusterDomain);
}
