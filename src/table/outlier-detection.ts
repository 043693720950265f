// When a host that answers badly is taken out of its cluster for a while, and for how long (envoy.config.cluster.v3.OutlierDetection).

/** Why a host is ejected (envoy.data.cluster.v3.OutlierEjectionType). */
export type EjectionType =
  | "consecutive-5xx"
  | "consecutive-gateway-failure"
  | "consecutive-local-origin-failure"
  | "success-rate"
  | "success-rate-local-origin"
  | "failure-percentage"
  | "failure-percentage-local-origin";

export interface OutlierDetection {
  /** Failures in a row; 0 is never. */
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  /** Failures to connect and time-outs are counted apart from what hosts answer. */
  readonly splitsLocalOrigin: boolean;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly ejectionJitterMs: number;
  readonly maxEjectionPercent: number;
  readonly alwaysEjectsOne: boolean;
  /** Of 100 ejections that are due, how many are made. */
  readonly enforcing: Readonly<Record<EjectionType, number>>;
  readonly successRate: {
    readonly minimumHosts: number;
    readonly requestVolume: number;
    /** Hosts below the mean by so many standard deviations are out. */
    readonly stdevFactor: number;
  };
  readonly failurePercentage: {
    readonly minimumHosts: number;
    readonly requestVolume: number;
    readonly threshold: number;
  };
  /** An active health check that passes brings the host back at once. */
  readonly uneject: "by-time" | "by-health-check";
}
