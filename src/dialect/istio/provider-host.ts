// The service that an extension provider is.

import { hostProblem } from "../formats.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./mesh-diagnostics.ts";
import { resolveHost } from "./names.ts";
import { badReceiverAddress } from "./telemetry-diagnostics.ts";

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

const MAX_PORT = 65_535;

/** The proxy's own DNS would complete the name: of two labels the second is a namespace. */
function completed(host: string, clusterDomain: string): string {
  if (host.endsWith(".svc")) return `${host}.${clusterDomain}`;
  return host.split(".").length === 2 ? `${host}.svc.${clusterDomain}` : host;
}

/** Of a service that proxies report to, as `host:port`. */
export function readReceiver(
  address: string,
  path: string,
  reading: Pick<ProviderReading, "clusterDomain" | "reporter">,
): { readonly host: string; readonly port: number } | undefined {
  const colon = address.lastIndexOf(":");
  const digits = address.slice(colon + 1);
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  if (colon < 1 || port < 1 || port > MAX_PORT) {
    reading.reporter.report(path, badReceiverAddress(address));
    return undefined;
  }
  return { host: readProviderHost(completed(address.slice(0, colon), reading.clusterDomain), path, reading), port };
}
