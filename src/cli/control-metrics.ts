// The control plane's own metrics and version (15014), loopback.

import { Failure } from "../base/failure.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { CONTENT_TYPE, expositionText } from "../stats/exposition.ts";
import { CONNECTED, ENDPOINT_NOT_READY, INFO, SERVICES, UPTIME, VIRTUAL_SERVICES } from "../stats/names/control.ts";
import { negotiateFormat } from "../stats/negotiate.ts";
import { collectProcess } from "../stats/process-collector.ts";
import type { Registry } from "../stats/registry.ts";

export interface MetricsOptions {
  readonly port: number;
  readonly registry: Registry;
  readonly version: string;
  readonly control: ControlPlane;
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
  registry.onCollect(() => {
    const mesh = control.pipeline.last?.mesh;
    connected.set(connected.series([version]), control.discovery.streams.size);
    set(UPTIME, (performance.now() - startedAt) / 1_000);
    set(SERVICES, mesh?.services.length ?? 0);
    set(VIRTUAL_SERVICES, mesh?.routes.length ?? 0);
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
