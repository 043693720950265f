// How hosts are asked whether they work (envoy.config.core.v3.HealthCheck).

import type { StringMatch } from "./string-match.ts";

/** Status codes from `from` up to and without `to`. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

export interface CheckHeader {
  readonly name: string;
  readonly value: string;
  /** In place of what is there, not beside it. */
  readonly overwrite: boolean;
}

export interface HttpProbe {
  readonly kind: "http";
  readonly method: string;
  readonly path: string;
  /** "" is the host's name for checks, or the cluster's. */
  readonly host: string;
  readonly protocol: "http1" | "http2";
  readonly headers: readonly CheckHeader[];
  readonly removedHeaders: readonly string[];
  readonly expected: readonly StatusRange[];
  /** They count as failures, up to the threshold; all others make a host unhealthy at once. */
  readonly retriable: readonly StatusRange[];
  /** Of x-envoy-upstream-healthchecked-cluster. */
  readonly serviceName: StringMatch | undefined;
  readonly send: Uint8Array | undefined;
  readonly receive: readonly Uint8Array[];
  /** Bytes of the response that `receive` is looked for in; 0 is all. */
  readonly bufferBytes: number;
}

/** grpc.health.v1.Health/Check */
export interface GrpcProbe {
  readonly kind: "grpc";
  readonly service: string;
  readonly authority: string;
  readonly metadata: readonly CheckHeader[];
}

/** Without anything to receive, a connection is enough. */
export interface TcpProbe {
  readonly kind: "tcp";
  readonly send: Uint8Array | undefined;
  readonly receive: readonly Uint8Array[];
}

export type Probe = HttpProbe | GrpcProbe | TcpProbe;

/** From the end of a check to the next one, by what it found. */
export interface CheckIntervals {
  readonly healthyMs: number;
  readonly unhealthyMs: number;
  /** Healthy answers of a host that is not yet taken for healthy, and the other way round. */
  readonly healthyEdgeMs: number;
  readonly unhealthyEdgeMs: number;
  /** While the cluster has had no connection. */
  readonly noTrafficMs: number;
  readonly noTrafficHealthyMs: number;
  readonly jitterMs: number;
  readonly jitterPercent: number;
  /** Before the first check. */
  readonly initialJitterMs: number;
}

export interface HealthCheck {
  readonly probe: Probe;
  readonly timeoutMs: number;
  readonly intervals: CheckIntervals;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly reusesConnection: boolean;
  /** In place of the codec's; empty leaves it. */
  readonly alpn: readonly string[];
  /** By which the transport socket is chosen, in place of the endpoint's metadata. */
  readonly socketCriteria: ReadonlyMap<string, string> | undefined;
  /** Lines of JSON; "" without. */
  readonly eventLogPath: string;
  readonly logsAllFailures: boolean;
  readonly logsAllSuccesses: boolean;
}
