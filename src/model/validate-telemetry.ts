// Findings about Telemetry: what the proxies that it is for do not do.

import { telemetryOf } from "./effective-telemetry.ts";
import * as findings from "./findings.ts";
import { serviceFor } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import type { Message } from "./message.ts";
import { type Origin, originKey } from "./origin.ts";
import { portByNumber } from "./service.ts";
import type { TelemetryProvider } from "./telemetry.ts";
import type { Workload } from "./workload.ts";

export interface TelemetryFinding {
  readonly origin: Origin;
  readonly path: string;
  readonly message: Message;
}

const TRACING = "spec.tracing";

/** Of each kind one for an object: a hundred replicas have the same mistake. */
export function telemetryFindings(mesh: Mesh): readonly TelemetryFinding[] {
  if (mesh.telemetries.length === 0) return [];
  const found = new Map<string, TelemetryFinding>();
  for (const workload of mesh.workloads) {
    if (!workload.proxy) continue;
    const message = tracingFinding(mesh, workload);
    const writer = mesh.index.telemetries.of(workload).findLast(({ tracing }) => tracing.length > 0);
    const key = message && writer && `${originKey(writer.origin)} ${message.code}`;
    if (key !== undefined && !found.has(key))
      found.set(key, { origin: writer!.origin, path: TRACING, message: message! });
  }
  return [...found.values()];
}

function tracingFinding(mesh: Mesh, workload: Workload): Message | undefined {
  const telemetry = telemetryOf(mesh, workload);
  const providers = [telemetry?.client.tracing?.provider, telemetry?.server.tracing?.provider];
  const told = providers.filter((provider) => provider !== undefined);
  if (told.length === 0) return undefined;
  const name = `${workload.namespace}/${workload.name}`;
  if (workload.proxy?.kind === "heddle") return findings.spansNotSent(name);
  const lost = told.find((provider) => !isReached(mesh, workload, provider));
  return lost && "host" in lost ? findings.spansLost(lost.name, `${lost.host}:${lost.port}`, name) : undefined;
}

function isReached(mesh: Mesh, { namespace }: Workload, provider: TelemetryProvider): boolean {
  if (!("host" in provider)) return true;
  const service = serviceFor(mesh, provider.host, namespace);
  return service !== undefined && portByNumber(service, provider.port) !== undefined;
}
