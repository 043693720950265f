// Shares of requests.

import type { RuntimeFractionalPercent } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { type FractionalPercent, FractionalPercent_DenominatorType } from "../../xds/gen/envoy/type/v3/percent_pb.ts";
import type { RuntimeFraction } from "../fraction.ts";
import type { Scope } from "./scope.ts";

function denominator(type: FractionalPercent_DenominatorType): number {
  switch (type) {
    case FractionalPercent_DenominatorType.TEN_THOUSAND:
      return 10_000;
    case FractionalPercent_DenominatorType.MILLION:
      return 1_000_000;
    default:
      return 100;
  }
}

export function acceptFraction(percent: FractionalPercent | undefined, otherwise: RuntimeFraction): RuntimeFraction {
  return percent ? Math.min(1, percent.numerator / denominator(percent.denominator)) : otherwise;
}

/** The runtime key is a name for other people's switch: without one, the default value is the value. */
export function acceptRuntimeFraction(scope: Scope, fraction: RuntimeFractionalPercent): RuntimeFraction {
  scope.only(fraction, ["defaultValue", "runtimeKey"]);
  return acceptFraction(fraction.defaultValue, 1);
}
