// What the two proxies do not have in common. Each entry goes when it becomes true of both.

import type { WorkloadProxy } from "../model/workload.ts";

export interface ProxyFeatures {
  /** Reports requests to the agent's access log service, which counts them: Heddle's proxy counts its own. */
  readonly accessLogService: boolean;
}

const FEATURES: Readonly<Record<WorkloadProxy["kind"], ProxyFeatures>> = {
  heddle: { accessLogService: false },
  envoy: { accessLogService: true },
};

export function featuresOf(kind: WorkloadProxy["kind"]): ProxyFeatures {
  return FEATURES[kind];
}
