// Retry policies.

import type { RetryPolicy } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { RETRY_CONDITIONS, type RetryCondition, type RetryPolicy as RetryPolicyTable } from "../retry-policy.ts";
import { milliseconds, type Scope } from "./scope.ts";

const PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts";

/** Envoy: 25 ms, and ten times the base. */
const DEFAULT_BACKOFF_MS = 25;

function acceptConditions(scope: Scope, text: string): { on: Set<RetryCondition>; codes: number[] } {
  const on = new Set<RetryCondition>();
  const codes: number[] = [];
  for (const word of text.split(",").map((part) => part.trim())) {
    if (word === "") continue;
    const known = RETRY_CONDITIONS.find((condition) => condition === word);
    if (known) on.add(known);
    else if (/^[1-5]\d\d$/.test(word)) codes.push(Number(word));
    else scope.reject(`unknown condition ${JSON.stringify(word)}`);
  }
  return { on, codes };
}

export function acceptRetryPolicy(scope: Scope, policy: RetryPolicy): RetryPolicyTable {
  scope.only(policy, [
    "retryOn",
    "numRetries",
    "perTryTimeout",
    "retryHostPredicate",
    "hostSelectionRetryMaxAttempts",
    "retriableStatusCodes",
    "retryBackOff",
  ]);
  const { on, codes } = acceptConditions(scope.field("retry_on"), policy.retryOn);
  policy.retryHostPredicate.forEach((predicate, i) => {
    if (predicate.name !== PREVIOUS_HOSTS)
      scope
        .field("retry_host_predicate")
        .index(i)
        .reject(`${JSON.stringify(predicate.name)} is not supported by Heddle's proxy`);
  });
  const base = milliseconds(policy.retryBackOff?.baseInterval, DEFAULT_BACKOFF_MS);
  if (base <= 0) scope.field("retry_back_off").field("base_interval").reject("must be above 0");
  return {
    on,
    retries: policy.numRetries ?? 1,
    perTryTimeoutMs: milliseconds(policy.perTryTimeout, 0),
    statusCodes: new Set([...policy.retriableStatusCodes, ...codes]),
    backoffBaseMs: base,
    backoffMaxMs: milliseconds(policy.retryBackOff?.maxInterval, base * 10),
    avoidPreviousHosts: policy.retryHostPredicate.length > 0,
    hostSelectionAttempts: Number(policy.hostSelectionRetryMaxAttempts) || 1,
  };
}
