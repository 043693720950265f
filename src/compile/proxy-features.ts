// What the two proxies do not have in common. Each entry goes when it becomes true of both.

import type { WorkloadProxy } from "../model/workload.ts";

export interface ProxyFeatures {
  /** Reports requests to the agent's access log service, which counts them: Heddle's proxy counts its own. */
  readonly accessLogService: boolean;
  /** Asks external authorizers (envoy.filters.http.ext_authz). */
  readonly asksAuthorizers: boolean;
  /** Verifies tokens (envoy.filters.http.jwt_authn). */
  readonly verifiesTokens: boolean;
  /** A server may have several certificates, of which the client's hello decides. */
  readonly manyCertificates: boolean;
  /** Speaks TLS 1.0 and 1.1, where a gateway asks for it. */
  readonly oldTls: boolean;
  /** Tells Datadog and SkyWalking of spans, and asks Dynatrace how many it wants. */
  readonly manyTracers: boolean;
}

const FEATURES: Readonly<Record<WorkloadProxy["kind"], ProxyFeatures>> = {
  heddle: {
    accessLogService: false,
    asksAuthorizers: false,
    verifiesTokens: false,
    manyCertificates: false,
    oldTls: false,
    manyTracers: false,
  },
  envoy: {
    accessLogService: true,
    asksAuthorizers: true,
    verifiesTokens: true,
    manyCertificates: true,
    oldTls: true,
    manyTracers: true,
  },
};

export function featuresOf(kind: WorkloadProxy["kind"]): ProxyFeatures {
  return FEATURES[kind];
}
