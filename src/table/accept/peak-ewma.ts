// Peak EWMA, for which the stock Envoy has no policy: metadata `heddle.dev: { balancer: peak-ewma, decay: 10s }` of a cluster puts it in place
// of the policy written, which Envoy goes by.

import type { Metadata } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { BalancerPolicy } from "../balancing.ts";
import type { Scope } from "./scope.ts";

/** Finagle's and Linkerd's. */
const DECAY_MS = 10_000;

export function readPeakEwma(scope: Scope, metadata: Metadata | undefined): BalancerPolicy | undefined {
  const own = metadata?.filterMetadata["heddle.dev"];
  if (own?.balancer === undefined) return undefined;
  const at = scope.field("metadata").field("filter_metadata").key("heddle.dev");
  if (own.balancer !== "peak-ewma") at.field("balancer").reject(`only "peak-ewma" is known`);
  const { decay } = own;
  if (decay === undefined) return { kind: "peak-ewma", decayMs: DECAY_MS };
  const seconds = typeof decay === "string" ? /^(\d+(?:\.\d+)?)s$/.exec(decay)?.[1] : undefined;
  if (seconds === undefined || Number(seconds) === 0) at.field("decay").reject(`not a duration in seconds, like "10s"`);
  return { kind: "peak-ewma", decayMs: Number(seconds ?? 0) * 1_000 };
}
