// Envoy's response flags and details: the words that operators know a failure by.

/** `%RESPONSE_FLAGS%` (docs: access log, response flags). */
export type ResponseFlag =
  | "UH" // no healthy upstream
  | "UF" // upstream connection failure
  | "UO" // upstream overflow (circuit breaking)
  | "NR" // no route
  | "NC" // no cluster
  | "URX" // retry limit exceeded
  | "UT" // upstream request timeout
  | "UR" // upstream reset
  | "UC" // upstream connection termination
  | "UPE" // upstream protocol error
  | "DC" // downstream connection termination
  | "DT" // downstream connection reached its maximum duration
  | "DPE" // downstream protocol error
  | "DI" // delay injected
  | "FI" // fault injected
  | "SI" // stream idle timeout
  | "RL" // rate limited by this proxy
  | "DT" // maximum duration of a stream
  | "UMSDR"; // upstream reached its maximum connection duration

export const NO_FLAGS = "-";

/** `%RESPONSE_FLAGS_LONG%` (Envoy: ResponseFlagUtils::CORE_RESPONSE_FLAGS). */
const LONG: Readonly<Record<ResponseFlag, string>> = {
  UH: "NoHealthyUpstream",
  UF: "UpstreamConnectionFailure",
  UO: "UpstreamOverflow",
  NR: "NoRouteFound",
  NC: "NoClusterFound",
  URX: "UpstreamRetryLimitExceeded",
  UT: "UpstreamRequestTimeout",
  UR: "UpstreamRemoteReset",
  UC: "UpstreamConnectionTermination",
  UPE: "UpstreamProtocolError",
  DC: "DownstreamConnectionTermination",
  DPE: "DownstreamProtocolError",
  SI: "StreamIdleTimeout",
  DI: "DelayInjected",
  FI: "FaultInjected",
  RL: "RateLimited",
  DT: "DurationTimeout",
  UMSDR: "UpstreamMaxStreamDurationReached",
};

export function longFlags(flags: string): string {
  if (flags === NO_FLAGS) return flags;
  return flags
    .split(",")
    .map((flag) => LONG[flag as ResponseFlag] ?? flag)
    .join(",");
}

export function addFlag(flags: string, flag: ResponseFlag): string {
  return flags === NO_FLAGS ? flag : `${flags},${flag}`;
}
