// Envoy's response flags from their form in access log entries to the short ones of the access log's text (access_log.rst).

import type { ResponseFlags } from "../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";

type FlagName = Exclude<
  { [Name in keyof ResponseFlags]-?: ResponseFlags[Name] extends boolean ? Name : never }[keyof ResponseFlags],
  undefined
>;

const SHORT: Readonly<Partial<Record<FlagName, string>>> = {
  failedLocalHealthcheck: "LH",
  noHealthyUpstream: "UH",
  upstreamRequestTimeout: "UT",
  localReset: "LR",
  upstreamRemoteReset: "UR",
  upstreamConnectionFailure: "UF",
  upstreamConnectionTermination: "UC",
  upstreamOverflow: "UO",
  noRouteFound: "NR",
  delayInjected: "DI",
  faultInjected: "FI",
  rateLimited: "RL",
  rateLimitServiceError: "RLSE",
  downstreamConnectionTermination: "DC",
  upstreamRetryLimitExceeded: "URX",
  streamIdleTimeout: "SI",
  invalidEnvoyRequestHeaders: "IH",
  downstreamProtocolError: "DPE",
  upstreamMaxStreamDurationReached: "UMSDR",
  responseFromCacheFilter: "RFCF",
  noFilterConfigFound: "NFCF",
  durationTimeout: "DT",
  upstreamProtocolError: "UPE",
  noClusterFound: "NC",
  overloadManager: "OM",
  dnsResolutionFailure: "DF",
  downstreamRemoteReset: "DR",
};

/** `UF,URX`; `-` for none. */
export function responseFlags(flags: ResponseFlags | undefined): string {
  if (!flags) return "-";
  const set = (Object.keys(SHORT) as FlagName[]).filter((name) => flags[name] === true).map((name) => SHORT[name]);
  if (flags.unauthorizedDetails) set.push("UAEX");
  return set.length === 0 ? "-" : set.join(",");
}
