// Where a workload that somebody entered by hand is reached, and what its sidecar takes there.

import { parseAddress } from "../../base/cidr.ts";
import { isUnixAddress } from "../../model/endpoint.ts";
import { hostProblem } from "../formats.ts";
import { TLS_MODE } from "../kubernetes/workload-names.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { socketPath } from "./unix-socket.ts";
import * as diagnostics from "./workload-diagnostics.ts";
import type { WorkloadFields } from "./workload-entry-schema.ts";

/** `path` of the address. Reports what is wrong with a Unix socket. */
export function checkUnixAddress(
  address: string,
  ports: WorkloadFields["ports"],
  path: string,
  reporter: Reporter,
): void {
  if (socketPath(address) === undefined) reporter.report(path, diagnostics.unixPath(address));
  if (Object.keys(ports ?? {}).length > 0) reporter.report(path, diagnostics.unixPorts(address));
}

export function checkWorkloadAddress(
  address: string,
  ports: WorkloadFields["ports"],
  path: string,
  reporter: Reporter,
): void {
  if (isUnixAddress(address)) checkUnixAddress(address, ports, path, reporter);
  else if (!parseAddress(address) && hostProblem(address) !== undefined)
    reporter.report(path, diagnostics.workloadAddress(address));
}

/**
 * Whether its sidecar takes mutual TLS: the label says it, and otherwise that it has a service account does (getTLSModeFromWorkloadEntry of
 * servicediscovery/serviceentry/conversion.go). `path` of the labels.
 */
export function takesMutualTls(
  labels: Readonly<Record<string, string>>,
  serviceAccount: string | undefined,
  path: string,
  reporter: Reporter,
): boolean {
  const mode = labels[TLS_MODE];
  if (mode === undefined) return Boolean(serviceAccount);
  if (mode !== "istio" && mode !== "disabled")
    reporter.report(joinPath(path, TLS_MODE), diagnostics.unknownTlsMode(mode));
  return mode === "istio";
}

/** `region/zone/subzone`. */
export function localityOf(text: string): {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
} {
  const [region = "", zone = "", subzone = ""] = text.split("/");
  return { region, zone, subzone };
}
