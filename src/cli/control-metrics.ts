// The control plane's own metrics and version (15014), loopback.

import { Failure } from "../base/failure.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { endpointsOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { CONTENT_TYPE, expositionText } from "../stats/exposition.ts";
import type { Gauge } from "../stats/gauge.ts";
import {
  CONNECTED,
  DUPLICATE_DOMAINS,
  ENDPOINT_NOT_READY,
  INFO,
  NO_ENDPOINTS,
  NO_IP,
  SERVICES,
  SUBSETS,
  UPTIME,
  VIRTUAL_SERVICES,
} from "../stats/names/control.ts";
import { negotiateFormat } from "../stats/negotiate.ts";
import { collectProcess } from "../stats/process-collector.ts";
import type { Registry } from "../stats/registry.ts";
import type { Node } from "../xds/gen/envoy/config/core/v3/base_pb.ts";

export interface MetricsOptions {
  readonly port: number;
  readonly registry: Registry;
  readonly version: string;
  readonly control: ControlPlane;
}

/** Codes of findings that istiod counts. */
const DUPLICATE_SUBSET = "HED1221";
const SHADOWED_HOST = "HED2005";

function findings({ pipeline }: ControlPlane, code: string): number {
  const last = pipeline.last;
  if (!last) return 0;
  const diagnostics = [...last.findings, ...[...last.verdicts.values()].flatMap((verdict) => verdict.diagnostics)];
  return diagnostics.filter((diagnostic) => diagnostic.code === code).length;
}

/** Of services whose endpoints are known and not asked of DNS. */
function portsWithoutEndpoints(mesh: Mesh): number {
  return mesh.services
    .filter(({ resolution }) => resolution === "endpoints")
    .flatMap((service) => service.ports.filter((port) => endpointsOf(mesh, service, port.number).length === 0)).length;
}

/** By the version that the proxies say they are; one that nobody has any more is 0. */
function connectedProxies({ discovery }: ControlPlane, gauge: Gauge<readonly ["version"]>, seen: Set<string>): void {
  const counts = new Map<string, number>([...seen].map((version) => [version, 0]));
  for (const { node } of discovery.streams) {
    const version = proxyVersion(node);
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  for (const [version, count] of counts) {
    seen.add(version);
    gauge.set(gauge.series([version]), count);
  }
}

function proxyVersion(node: Node | undefined): string {
  const by = node?.userAgentVersionType;
  if (by?.case === "userAgentVersion") return by.value;
  const numbers = by?.case === "userAgentBuildVersion" ? by.value.version : undefined;
  return numbers ? `${numbers.majorNumber}.${numbers.minorNumber}.${numbers.patch}` : "unknown";
}

function collectControl({ registry, version, control }: MetricsOptions): void {
  const startedAt = performance.now();
  const set = (definition: typeof SERVICES, value: number) => {
    const gauge = registry.gauge(definition);
    gauge.set(gauge.series([]), value);
  };
  const info = registry.gauge(INFO);
  info.set(info.series([version]), 1);
  const connected = registry.gauge(CONNECTED);
  const versions = new Set<string>();
  registry.onCollect(() => {
    const mesh = control.pipeline.last?.mesh;
    connectedProxies(control, connected, versions);
    set(UPTIME, (performance.now() - startedAt) / 1_000);
    set(SERVICES, mesh?.services.length ?? 0);
    set(VIRTUAL_SERVICES, mesh?.routes.length ?? 0);
    set(SUBSETS, mesh ? findings(control, DUPLICATE_SUBSET) : 0);
    set(DUPLICATE_DOMAINS, mesh ? findings(control, SHADOWED_HOST) : 0);
    set(NO_ENDPOINTS, mesh ? portsWithoutEndpoints(mesh) : 0);
    set(NO_IP, mesh?.workloads.filter(({ addresses }) => addresses.length === 0).length ?? 0);
    set(ENDPOINT_NOT_READY, mesh?.workloads.filter(({ health }) => health !== "healthy").length ?? 0);
  });
}

function answer({ registry, version }: MetricsOptions, request: Request): Response {
  switch (new URL(request.url).pathname) {
    case "/metrics": {
      const format = negotiateFormat(request.headers.get("accept"));
      return new Response(expositionText(registry, format), { headers: { "content-type": CONTENT_TYPE[format] } });
    }
    case "/version":
      return new Response(`${version}\n`);
    case "/ready":
      return new Response("ready\n");
    default:
      return new Response("unknown path\n", { status: 404 });
  }
}

/** Serves until stopped. Throws a Failure when the port cannot be had. */
export function serveMetrics(options: MetricsOptions): { readonly port: number; stop(): void } {
  const { registry, version, port } = options;
  const stopCollecting = collectProcess(registry, { prefix: "", component: "pilot", version });
  collectControl(options);
  try {
    const server = Bun.serve({ hostname: "127.0.0.1", port, fetch: (request) => answer(options, request) });
    return {
      port: server.port ?? 0,
      stop() {
        stopCollecting();
        void server.stop(true);
      },
    };
  } catch (cause) {
    stopCollecting();
    throw new Failure(`cannot serve metrics on 127.0.0.1:${port}: ${Failure.from(cause).message}`, {
      hint: "choose another port, or stop the program that uses it",
      cause,
    });
  }
}
