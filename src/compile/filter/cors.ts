// A route's configuration of the CORS filter.

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { CorsPolicy } from "../../model/cors.ts";
import { packAny } from "../../xds/any.ts";
import { CorsPolicySchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts";
import { fractionalPercent } from "../percentage.ts";
import { stringMatcher } from "../route-match.ts";

export const CORS_FILTER = "envoy.filters.http.cors";

export function corsOnRoute(policy: CorsPolicy): Any {
  const { origins, methods, requestHeaders, exposedHeaders, maxAgeS, credentials, forwardsUnmatched } = policy;
  return packAny(
    CorsPolicySchema,
    create(CorsPolicySchema, {
      allowOriginStringMatch: origins.map(stringMatcher),
      allowMethods: methods.join(","),
      allowHeaders: requestHeaders.join(","),
      exposeHeaders: exposedHeaders.join(","),
      filterEnabled: { defaultValue: fractionalPercent(100) },
      forwardNotMatchingPreflights: forwardsUnmatched,
      ...(maxAgeS === undefined ? {} : { maxAge: String(maxAgeS) }),
      ...(credentials === undefined ? {} : { allowCredentials: credentials }),
    }),
  );
}
