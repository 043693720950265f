// Upper bounds of histograms. Alerts and SLO rules match them as strings (`le="250"`), so they are a contract.

/** Envoy's default, which Istio leaves as it is for durations in milliseconds and for sizes in bytes alike. */
export const ENVOY_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];
