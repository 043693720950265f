// What happened to the health of hosts, a line of JSON each (envoy.data.core.v3.HealthCheckEvent).

import { appendFile } from "node:fs";
import { logger } from "../../../base/log.ts";
import type { Address } from "../../../table/endpoint.ts";
import type { Probe } from "../../../table/health-check.ts";
import type { FailureType } from "./transition.ts";

const log = logger("proxy");

export type HealthEvent =
  | { readonly add_healthy_event: { readonly first_check: boolean } }
  | { readonly successful_health_check_event: Record<string, never> }
  | { readonly eject_unhealthy_event: { readonly failure_type: FailureType } }
  | { readonly health_check_failure_event: { readonly failure_type: FailureType; readonly first_check: boolean } }
  | { readonly degraded_healthy_host: Record<string, never> }
  | { readonly no_longer_degraded_host: Record<string, never> };

const CHECKERS: Readonly<Record<Probe["kind"], string>> = { http: "HTTP", grpc: "GRPC", tcp: "TCP" };

function addressOf(address: Address): object {
  switch (address.kind) {
    case "socket":
      return { socket_address: { protocol: "TCP", address: address.host, port_value: address.port } };
    case "pipe":
      return { pipe: { path: address.path } };
    case "internal":
      return { envoy_internal_address: { server_listener_name: address.listener } };
  }
}

export class HealthEventLog {
  readonly #path: string;
  readonly #checker: string;
  readonly #cluster: string;

  constructor(path: string, probe: Probe, cluster: string) {
    this.#path = path;
    this.#checker = CHECKERS[probe.kind];
    this.#cluster = cluster;
  }

  write(address: Address, event: HealthEvent): void {
    const line = {
      health_checker_type: this.#checker,
      host: addressOf(address),
      cluster_name: this.#cluster,
      timestamp: new Date().toISOString(),
      ...event,
    };
    appendFile(this.#path, `${JSON.stringify(line)}\n`, (error) => {
      if (error) log.warn("cannot write the log of health checks", { path: this.#path, error });
    });
  }
}
