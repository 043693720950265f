// Retry policies.

import {
  type RetryPolicy,
  type RetryPolicy_RateLimitedRetryBackOff,
  RetryPolicy_ResetHeaderFormat,
  type RetryPolicy_RetryHostPredicate,
  type RetryPolicy_RetryPriority,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { OmitHostMetadataConfigSchema } from "../../xds/gen/envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config_pb.ts";
import { PreviousPrioritiesConfigSchema } from "../../xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.ts";
import {
  type HostPredicate,
  RETRY_CONDITIONS,
  type RetryCondition,
  type RetryPolicy as RetryPolicyTable,
} from "../retry-policy.ts";
import { acceptHeaderMatch } from "./match.ts";
import { LB_METADATA, readJson } from "./metadata.ts";
import { milliseconds, type Scope } from "./scope.ts";
import { Memo, mapped, Neighbours, NONE } from "./shared.ts";

const PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts";
const OMIT_CANARY_HOSTS = "envoy.retry_host_predicates.omit_canary_hosts";

/** Envoy: 25 ms, and ten times the base. */
const DEFAULT_BACKOFF_MS = 25;
const DEFAULT_RATE_LIMITED_MAX_MS = 300_000;

interface Conditions {
  readonly on: ReadonlySet<RetryCondition>;
  readonly codes: readonly number[];
  readonly unknown: readonly string[];
}

const conditions = new Memo<Conditions>();

/** `words`: conditions apart by commas; a number is a status code (Istio's shorthand). */
export function readConditions(words: string): Conditions {
  return conditions.of(words, () => parseConditions(words));
}

function parseConditions(words: string): Conditions {
  const on = new Set<RetryCondition>();
  const codes: number[] = [];
  const unknown: string[] = [];
  for (const word of words.split(",").map((part) => part.trim())) {
    if (word === "") continue;
    const known = RETRY_CONDITIONS.find((condition) => condition === word);
    if (known) on.add(known);
    else if (/^[1-5]\d\d$/.test(word)) codes.push(Number(word));
    else unknown.push(word);
  }
  return { on, codes, unknown };
}

function acceptHostPredicate(scope: Scope, predicate: RetryPolicy_RetryHostPredicate): HostPredicate | undefined {
  if (predicate.name === PREVIOUS_HOSTS) return { kind: "previous-hosts" };
  if (predicate.name === OMIT_CANARY_HOSTS) return { kind: "omit-canary-hosts" };
  const any = predicate.configType.value;
  const config = scope.field("typed_config").unpack(any, OmitHostMetadataConfigSchema);
  return (
    config && { kind: "omit-host-metadata", metadata: readJson(config.metadataMatch?.filterMetadata[LB_METADATA]) }
  );
}

function acceptPriority(
  scope: Scope,
  priority: RetryPolicy_RetryPriority | undefined,
): RetryPolicyTable["previousPriorities"] {
  if (!priority) return undefined;
  const config = scope.field("typed_config").unpack(priority.configType.value, PreviousPrioritiesConfigSchema);
  if (config && config.updateFrequency < 1) scope.field("update_frequency").reject("must be above 0");
  return config && { updateFrequency: config.updateFrequency };
}

function acceptRateLimited(
  scope: Scope,
  backOff: RetryPolicy_RateLimitedRetryBackOff | undefined,
): RetryPolicyTable["rateLimited"] {
  if (!backOff) return undefined;
  if (backOff.resetHeaders.length === 0) scope.field("reset_headers").reject("empty");
  return {
    headers: backOff.resetHeaders.map(({ name, format }) => ({
      name: name.toLowerCase(),
      format: format === RetryPolicy_ResetHeaderFormat.UNIX_TIMESTAMP ? "unix-timestamp" : "seconds",
    })),
    maxMs: milliseconds(backOff.maxInterval, DEFAULT_RATE_LIMITED_MAX_MS),
  };
}

function acceptHostPredicates(
  scope: Scope,
  predicates: readonly RetryPolicy_RetryHostPredicate[],
): readonly HostPredicate[] {
  if (predicates.length === 0) return NONE;
  return predicates.flatMap(
    (predicate, i) => acceptHostPredicate(scope.field("retry_host_predicate").index(i), predicate) ?? [],
  );
}

const codeSets = new Memo<ReadonlySet<number>>();

function readCodes(listed: readonly number[], words: readonly number[]): ReadonlySet<number> {
  const all = [...listed, ...words];
  return codeSets.of(all.join(), () => new Set(all));
}

const policies = new Neighbours<RetryPolicyTable>();

export function acceptRetryPolicy(scope: Scope, policy: RetryPolicy): RetryPolicyTable {
  scope.only(policy, [
    "retryOn",
    "numRetries",
    "perTryTimeout",
    "perTryIdleTimeout",
    "retryPriority",
    "retryHostPredicate",
    "hostSelectionRetryMaxAttempts",
    "retriableStatusCodes",
    "retryBackOff",
    "rateLimitedRetryBackOff",
    "retriableHeaders",
    "retriableRequestHeaders",
  ]);
  const { on, codes, unknown } = readConditions(policy.retryOn);
  for (const word of unknown) scope.field("retry_on").reject(`unknown condition ${JSON.stringify(word)}`);
  const base = milliseconds(policy.retryBackOff?.baseInterval, DEFAULT_BACKOFF_MS);
  if (base <= 0) scope.field("retry_back_off").field("base_interval").reject("must be above 0");
  return policies.share({
    on,
    retries: policy.numRetries ?? 1,
    perTryTimeoutMs: milliseconds(policy.perTryTimeout, 0),
    perTryIdleTimeoutMs: milliseconds(policy.perTryIdleTimeout, 0),
    statusCodes: readCodes(policy.retriableStatusCodes, codes),
    retriableHeaders: mapped(policy.retriableHeaders, (match, i) =>
      acceptHeaderMatch(scope.field("retriable_headers").index(i), match),
    ),
    retriableRequestHeaders: mapped(policy.retriableRequestHeaders, (match, i) =>
      acceptHeaderMatch(scope.field("retriable_request_headers").index(i), match),
    ),
    backoffBaseMs: base,
    backoffMaxMs: milliseconds(policy.retryBackOff?.maxInterval, base * 10),
    rateLimited: acceptRateLimited(scope.field("rate_limited_retry_back_off"), policy.rateLimitedRetryBackOff),
    hostPredicates: acceptHostPredicates(scope, policy.retryHostPredicate),
    hostSelectionAttempts: Number(policy.hostSelectionRetryMaxAttempts) || 1,
    previousPriorities: acceptPriority(scope.field("retry_priority"), policy.retryPriority),
  });
}
