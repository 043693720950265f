// Why a request or byte stream ended otherwise than by its host's answer, in a sentence: `%HEDDLE_EXPLANATION%`. Made of Envoy's response
// code details, or of the flag where there are none.

import type { ResponseFlag } from "./response-flags.ts";

/** What a sentence may name. */
export interface Ending {
  readonly details: string | undefined;
  readonly flags: string;
  readonly clusterName: string;
  readonly host: { readonly label: string } | undefined;
  readonly transportFailure: string | undefined;
}

type Sentence = (ending: Ending) => string;

function cluster({ clusterName }: Ending): string {
  return clusterName === "" ? "the cluster" : `cluster ${clusterName}`;
}

function host({ host: at }: Ending): string {
  return at ? `the host ${at.label}` : "the host";
}

function because({ transportFailure }: Ending): string {
  return transportFailure ? `: ${transportFailure}` : "";
}

const say =
  (sentence: string): Sentence =>
  () =>
    sentence;

/** What is in the braces or brackets of details: `upstream_reset_before_response_started{connection_termination}`. */
function inner({ details = "" }: Ending): string {
  return /[[{](.*)[\]}]$/.exec(details)?.[1] ?? "";
}

/** Envoy's StreamResetReason words, and Heddle's of connections that never were. */
const RESETS: readonly (readonly [start: string, sentence: Sentence])[] = [
  ["connection_timeout", (at) => `${host(at)} did not accept a connection in time`],
  ["remote_connection_failure", (at) => `no connection to ${host(at)} came about${because(at)}`],
  ["overflow", (at) => `a circuit breaker of ${cluster(at)} is open: too much is under way`],
  ["connection_termination", (at) => `${host(at)} closed the connection before its answer was whole`],
  ["protocol_error", (at) => `${host(at)} sent what is no valid HTTP`],
  ["remote_reset", (at) => `${host(at)} reset the request`],
  ["remote_refused_stream_reset", (at) => `${host(at)} refused the request without looking at it`],
  ["local_reset", (at) => `the proxy gave the request to ${host(at)} up`],
];

function resetSentence(ending: Ending): string {
  const reason = inner(ending);
  const known = RESETS.find(([start]) => reason.startsWith(start))?.[1];
  return known ? known(ending) : `the request to ${host(ending)} was reset (${reason})`;
}

/** By details without what is in their braces. */
const BY_DETAILS: Readonly<Record<string, Sentence>> = {
  route_not_found: say("no route takes a request of this authority and path"),
  cluster_not_found: (at) => `the route leads to ${cluster(at)}, which the proxy does not know`,
  no_healthy_upstream: (at) => `${cluster(at)} has no host that may take requests`,
  direct_response: say("the route answers by itself"),
  upstream_reset_before_response_started: resetSentence,
  upstream_reset_after_response_started: (at) => `in the middle of the answer: ${resetSentence(at)}`,
  upstream_per_try_timeout: (at) => `no try on ${cluster(at)} was answered within its time-out`,
  upstream_per_try_idle_timeout: (at) => `${host(at)} fell silent during the last try`,
  upstream_max_stream_duration_reached: say("the answer took longer than the route's time-out"),
  response_timeout: (at) => `no answer came from ${cluster(at)} within the route's time-out`,
  max_duration_timeout: say("the request took longer than the listener allows"),
  request_overall_timeout: say("the client did not send its whole request in time"),
  request_header_timeout: say("the client did not send the head of its request in time"),
  stream_idle_timeout: say("neither side sent anything for too long"),
  downstream_remote_disconnect: say("the client went away before it had its answer"),
  downstream_local_disconnect: say("the proxy closed the client's connection"),
  codec_error: say("the client sent what is no valid HTTP"),
  "http1.unexpected_underscore": say("the request has a header name with an underscore, which the listener refuses"),
  path_normalization_failed: say("the path of the request cannot be normalised"),
  expectation_failed: say("the client expects of the server what nobody here does (Expect)"),
  loop_detected: say("the request leads back to this very proxy"),
  upgrade_failed: say("the listener or the route allows no upgrade to this protocol"),
  dns_resolution_failure: (at) => `the name of ${cluster(at)} was not resolved${because(at)}`,
  fault_filter_abort: say("the configuration injects this fault"),
  cors_response: say("the proxy answered the browser's preflight"),
  request_rate_limited: say("the caller is over its rate limit"),
  local_rate_limited: say("the caller is over its rate limit"),
  request_payload_too_large: say("the body of the request is larger than the proxy may buffer"),
  response_payload_too_large: say("the body of the answer is larger than the proxy may buffer"),
  overload: say("the proxy is overloaded and sheds requests"),
  denied_by_admission_control: say("too many of the requests before failed, and a share of them is not let through"),
  reached_concurrency_limit: say("more is under way than the latency of the requests before bears"),
  health_check_ok: say("the proxy answered a health check: it is well"),
  health_check_ok_cluster_healthy: say("the proxy answered a health check: its clusters are well"),
  health_check_cached: say("the proxy answered a health check as the application did last"),
  health_check_failed: say("the proxy drains, or is told to fail its health checks"),
  health_check_failed_no_cluster_found: say("a health check asks for a cluster that the proxy does not know"),
  health_check_failed_cluster_empty: say("a health check asks for a cluster that has no hosts"),
  health_check_failed_cluster_unhealthy: say("a health check asks for a cluster with too few healthy hosts"),
  rbac_access_denied_matched_policy: (at) => {
    const policy = inner(at);
    return policy === "none" || policy === ""
      ? "no authorization policy allows it"
      : `authorization policy ${policy} denies it`;
  },
};

/** Of what has a flag and no details that are known: byte streams above all. */
const BY_FLAG: Readonly<Record<ResponseFlag, Sentence>> = {
  UH: BY_DETAILS.no_healthy_upstream!,
  UF: (at) => `no connection to ${host(at)} came about${because(at)}`,
  UO: (at) => `a circuit breaker of ${cluster(at)} is open: too much is under way`,
  NR: BY_DETAILS.route_not_found!,
  NC: (at) => `${cluster(at)} is not known to the proxy`,
  URX: say("every try that the retry policy allows has failed"),
  UT: BY_DETAILS.response_timeout!,
  UR: (at) => `${host(at)} reset the request`,
  UC: (at) => `${host(at)} closed the connection before its answer was whole`,
  UPE: (at) => `${host(at)} sent what is no valid HTTP`,
  DC: say("the client went away before the end"),
  DPE: say("the client sent what is no valid HTTP"),
  DI: say("the configuration delays it"),
  FI: say("the configuration injects this fault"),
  SI: say("neither side sent anything for too long"),
  RL: BY_DETAILS.local_rate_limited!,
  LH: BY_DETAILS.health_check_failed!,
  OM: BY_DETAILS.overload!,
  DT: BY_DETAILS.max_duration_timeout!,
  UMSDR: say("the connection to the host reached its greatest age"),
};

/** Undefined of what its host answered whole. */
export function explanation(ending: Ending): string | undefined {
  const { details, flags } = ending;
  const key = details?.replace(/[[{].*$/, "");
  if (key === "via_upstream" && flags === "-") return undefined;
  const byDetails = key === undefined ? undefined : BY_DETAILS[key];
  if (byDetails) return byDetails(ending);
  for (const flag of flags.split(",")) if (flag in BY_FLAG) return BY_FLAG[flag as ResponseFlag](ending);
  return key === undefined || key === "via_upstream" ? undefined : `the proxy answered by itself (${details})`;
}
