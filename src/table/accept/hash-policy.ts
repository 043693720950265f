// What the balancers that hash go by.

import type { RouteAction_HashPolicy } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { HashPolicy } from "../hash-policy.ts";
import { milliseconds, type Scope } from "./scope.ts";
import { acceptSubstitution } from "./substitution.ts";

/** Undefined when it was refused, or says nothing. */
export function acceptHashPolicy(scope: Scope, policy: RouteAction_HashPolicy): HashPolicy | undefined {
  const { policySpecifier: by, terminal } = policy;
  switch (by.case) {
    case "header": {
      const at = scope.field("header");
      at.only(by.value, ["headerName", "regexRewrite"]);
      const { headerName, regexRewrite } = by.value;
      const rewrite = regexRewrite && acceptSubstitution(at.field("regex_rewrite"), regexRewrite);
      return { kind: "header", name: headerName.toLowerCase(), rewrite, terminal };
    }
    case "cookie": {
      const { name, ttl, path, attributes } = by.value;
      const cookie = {
        name,
        maxAgeSeconds: ttl && Math.floor(milliseconds(ttl, 0) / 1_000),
        path,
        attributes: attributes.map(({ name, value }) => `; ${name}${value === "" ? "" : `=${value}`}`).join(""),
      };
      return { kind: "cookie", cookie, terminal };
    }
    case "connectionProperties":
      return by.value.sourceIp ? { kind: "source-ip", terminal } : undefined;
    case "queryParameter":
      return { kind: "query-parameter", name: by.value.name, terminal };
    case "filterState":
      if (by.value.key === "") scope.field("filter_state").field("key").reject("empty");
      return { kind: "filter-state", key: by.value.key, terminal };
    case undefined:
      scope.reject("no policy");
      return undefined;
  }
}
