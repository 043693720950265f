// A gRPC service that is a cluster (envoy.config.core.v3.GrpcService, envoy_grpc).

import type { GrpcService } from "../../xds/gen/envoy/config/core/v3/grpc_service_pb.ts";
import { milliseconds, type Scope } from "./scope.ts";

export interface GrpcTarget {
  readonly cluster: string;
  readonly authority: string;
  /** 0 is none. */
  readonly timeoutMs: number;
  /** Names and values in turns. */
  readonly headers: readonly string[];
}

export const NO_TARGET: GrpcTarget = { cluster: "", authority: "", timeoutMs: 0, headers: [] };

export function acceptGrpcService(scope: Scope, service: GrpcService): GrpcTarget {
  scope.only(service, ["targetSpecifier", "timeout", "initialMetadata"]);
  const by = service.targetSpecifier;
  if (by.case !== "envoyGrpc") {
    scope.reject("only envoy_grpc is supported by Heddle's proxy");
    return NO_TARGET;
  }
  scope.field("envoy_grpc").only(by.value, ["clusterName", "authority", "skipEnvoyHeaders"]);
  const { clusterName: cluster, authority } = by.value;
  const headers = service.initialMetadata.flatMap(({ key, value }) => [key.toLowerCase(), value]);
  return { cluster, authority: authority || cluster, timeoutMs: milliseconds(service.timeout, 0), headers };
}
