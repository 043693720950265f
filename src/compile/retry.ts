// Retry policies of routes.

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { RetryPolicy } from "../model/route.ts";
import { packAny } from "../xds/any.ts";
import {
  type RetryPolicy as RetryPolicyMessage,
  RetryPolicySchema,
} from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { PreviousHostsPredicateSchema } from "../xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts";
import { PreviousPrioritiesConfigSchema } from "../xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.ts";
import { lazy } from "./lazy.ts";

/** Tries to find a host that was not tried before; then a tried one is taken (Istio's hostSelectionRetryMaxAttempts). */
const HOST_SELECTION_ATTEMPTS = 5n;

const previousHosts = lazy(() => packAny(PreviousHostsPredicateSchema, create(PreviousHostsPredicateSchema)));

/** Localities are priorities. Istio's number of tries after which another one is taken. */
const previousPriorities = lazy(() =>
  packAny(PreviousPrioritiesConfigSchema, create(PreviousPrioritiesConfigSchema, { updateFrequency: 2 })),
);

/**
 * Undefined: no retries. An empty policy would take Envoy's default of one. `hashed`: a hash names the endpoint, and another one than that
 * would be the wrong one (Istio's DefaultConsistentHashPolicy).
 */
export function retryPolicy(policy: RetryPolicy, hashed: boolean): RetryPolicyMessage | undefined {
  if (policy.attempts === 0) return undefined;
  const { perTryTimeoutMs, backoffMs } = policy;
  return create(RetryPolicySchema, {
    retryOn: policy.conditions.join(","),
    numRetries: policy.attempts,
    retriableStatusCodes: [...policy.statuses],
    ...(perTryTimeoutMs === undefined ? {} : { perTryTimeout: durationFromMs(perTryTimeoutMs) }),
    ...(backoffMs === undefined ? {} : { retryBackOff: { baseInterval: durationFromMs(backoffMs) } }),
    ...(policy.avoidPreviousHosts && !hashed
      ? {
          retryHostPredicate: [
            {
              name: "envoy.retry_host_predicates.previous_hosts",
              configType: { case: "typedConfig", value: previousHosts() },
            },
          ],
          hostSelectionRetryMaxAttempts: HOST_SELECTION_ATTEMPTS,
        }
      : {}),
    ...(policy.avoidPreviousLocalities
      ? {
          retryPriority: {
            name: "envoy.retry_priorities.previous_priorities",
            configType: { case: "typedConfig", value: previousPriorities() },
          },
        }
      : {}),
  });
}

/**
 * To the application on this host: only when the connection went away before the request was sent, as an idle keep-alive connection
 * does just when it is reused (Istio's default inbound retry).
 */
export const inboundRetry = lazy(() => create(RetryPolicySchema, { retryOn: "reset-before-request", numRetries: 2 }));
