// WorkloadGroup → what is entered for a workload that registers by it, and how its health is asked. Nothing of it is in the mesh until one does.

import { isUnixAddress } from "../../model/endpoint.ts";
import { decodeObject } from "../decode.ts";
import type { Reading } from "./reading.ts";
import { checkUnixAddress, takesMutualTls } from "./workload-address.ts";
import * as diagnostics from "./workload-diagnostics.ts";
import { type ProbeSpec, WORKLOAD_GROUP, type WorkloadFields } from "./workload-entry-schema.ts";

/** What the probe asks; every answer within the time counts. */
export type ProbeCheck =
  | {
      readonly kind: "http";
      readonly host: string;
      readonly port: number;
      readonly path: string;
      readonly tls: boolean;
      readonly headers: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "exec"; readonly command: readonly string[] }
  | { readonly kind: "grpc"; readonly port: number; readonly service: string };

export interface Probe {
  readonly check: ProbeCheck;
  readonly initialDelayMs: number;
  readonly timeoutMs: number;
  readonly periodMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export interface WorkloadGroup {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly template: WorkloadFields;
  readonly probe: Probe | undefined;
}

/** The loopback interface of the workload: the probe runs beside it. */
const LOCALHOST = "127.0.0.1";

export function readWorkloadGroup({
  object,
  reporter,
}: Pick<Reading, "object" | "reporter">): WorkloadGroup | undefined {
  const spec = decodeObject(WORKLOAD_GROUP, object, reporter)?.spec;
  if (!spec) return undefined;
  const { address, ...template } = spec.template;
  if (address) reporter.report("spec.template.address", diagnostics.templateAddress());
  if (address && isUnixAddress(address)) checkUnixAddress(address, template.ports, "spec.template.address", reporter);
  takesMutualTls(template.labels ?? {}, undefined, "spec.template.labels", reporter);
  const check = spec.probe && readCheck(spec.probe);
  if (spec.probe && !check) reporter.report("spec.probe", diagnostics.probeWithoutCheck());
  if (check?.kind === "exec" && check.command.length === 0)
    reporter.report("spec.probe.exec.command", diagnostics.emptyCommand());
  return {
    labels: spec.metadata?.labels ?? {},
    annotations: spec.metadata?.annotations ?? {},
    template,
    probe: check && spec.probe ? readProbe(spec.probe, check) : undefined,
  };
}

/** Kubernetes' defaults, which Istio's agent has too. */
function readProbe(spec: ProbeSpec, check: ProbeCheck): Probe {
  return {
    check,
    initialDelayMs: (spec.initialDelaySeconds ?? 0) * 1_000,
    timeoutMs: (spec.timeoutSeconds || 1) * 1_000,
    periodMs: (spec.periodSeconds || 10) * 1_000,
    successThreshold: spec.successThreshold || 1,
    failureThreshold: spec.failureThreshold || 3,
  };
}

function readCheck({ httpGet, tcpSocket, exec, grpc }: ProbeSpec): ProbeCheck | undefined {
  if (httpGet) {
    const { path = "", port, host, scheme = "HTTP", httpHeaders = [] } = httpGet;
    return {
      kind: "http",
      host: host || LOCALHOST,
      port,
      path: path.startsWith("/") ? path : `/${path}`,
      tls: scheme.toUpperCase() === "HTTPS",
      headers: httpHeaders.map(({ name, value = "" }) => ({ name, value })),
    };
  }
  if (tcpSocket) return { kind: "tcp", host: tcpSocket.host || LOCALHOST, port: tcpSocket.port };
  if (exec) return { kind: "exec", command: exec.command };
  return grpc && { kind: "grpc", port: grpc.port, service: grpc.service ?? "" };
}
