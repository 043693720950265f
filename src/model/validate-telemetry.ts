// Findings about Telemetry: what the proxies that it is for do not do.

import { telemetryOf } from "./effective-telemetry.ts";
import * as findings from "./findings.ts";
import { proxiedWorkloads, serviceFor } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import type { Message } from "./message.ts";
import { type Origin, originKey } from "./origin.ts";
import { portByNumber } from "./service.ts";
import type { Telemetry, TelemetryProvider } from "./telemetry.ts";
import type { Workload } from "./workload.ts";

export interface TelemetryFinding {
  readonly origin: Origin;
  readonly path: string;
  readonly message: Message;
}

/** A part of Telemetry whose receivers may hear nothing. */
interface Section {
  readonly path: string;
  rules(telemetry: Telemetry): readonly unknown[];
  finding(mesh: Mesh, workload: Workload): Message | undefined;
}

const SECTIONS: readonly Section[] = [
  { path: "spec.tracing", rules: ({ tracing }) => tracing, finding: tracingFinding },
  { path: "spec.accessLogging", rules: ({ logging }) => logging, finding: loggingFinding },
  { path: "spec.metrics", rules: ({ metrics }) => metrics, finding: metricsFinding },
];

/** Of each kind one for an object: a hundred replicas have the same mistake. */
export function telemetryFindings(mesh: Mesh): readonly TelemetryFinding[] {
  if (mesh.telemetries.length === 0) return [];
  const found = new Map<string, TelemetryFinding>();
  for (const workload of proxiedWorkloads(mesh)) {
    for (const section of SECTIONS) {
      const message = section.finding(mesh, workload);
      const writer = mesh.index.telemetries.of(workload).findLast((telemetry) => section.rules(telemetry).length > 0);
      const key = message && writer && `${originKey(writer.origin)} ${message.code}`;
      if (key !== undefined && !found.has(key))
        found.set(key, { origin: writer!.origin, path: section.path, message: message! });
    }
  }
  return [...found.values()];
}

function tracingFinding(mesh: Mesh, workload: Workload): Message | undefined {
  const telemetry = telemetryOf(mesh, workload);
  const providers = [telemetry?.client.tracing?.provider, telemetry?.server.tracing?.provider];
  const told = providers.filter((provider) => provider !== undefined);
  if (told.length === 0) return undefined;
  const name = `${workload.namespace}/${workload.name}`;
  const lost = told.find((provider) => !isReached(mesh, workload, provider));
  return lost && "host" in lost ? findings.spansLost(lost.name, `${lost.host}:${lost.port}`, name) : undefined;
}

function loggingFinding(mesh: Mesh, workload: Workload): Message | undefined {
  const telemetry = telemetryOf(mesh, workload);
  const told = [...(telemetry?.client.logs ?? []), ...(telemetry?.server.logs ?? [])];
  const services = told.flatMap(({ provider }) => (provider.kind === "log-service" ? [provider] : []));
  const name = `${workload.namespace}/${workload.name}`;
  const lost = services.find((provider) => !isReached(mesh, workload, provider));
  return lost && findings.logsLost(lost.name, `${lost.host}:${lost.port}`, name);
}

function metricsFinding(mesh: Mesh, workload: Workload): Message | undefined {
  if (workload.proxy?.kind !== "envoy") return undefined;
  const telemetry = telemetryOf(mesh, workload);
  const overridden = [...(telemetry?.client.metrics ?? []), ...(telemetry?.server.metrics ?? [])];
  return overridden.length > 0 ? findings.metricsNotOverridden(`${workload.namespace}/${workload.name}`) : undefined;
}

function isReached(mesh: Mesh, { namespace }: Workload, provider: TelemetryProvider): boolean {
  if (!("host" in provider) || ("reach" in provider && provider.reach)) return true;
  const service = serviceFor(mesh, provider.host, namespace);
  return service !== undefined && portByNumber(service, provider.port) !== undefined;
}
