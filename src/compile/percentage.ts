// Shares of requests.

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  FractionalPercent_DenominatorType,
  type FractionalPercentSchema,
} from "../xds/gen/envoy/type/v3/percent_pb.ts";

/** Percent, in millionths and cut off there, as Istio does. */
export function fractionalPercent(percent: number): MessageInitShape<typeof FractionalPercentSchema> {
  return { numerator: Math.floor(percent * 10_000), denominator: FractionalPercent_DenominatorType.MILLION };
}
