import type { StatsMatcher } from "../../xds/gen/envoy/config/metrics/v3/stats_pb.ts";
import type { StatsMatch } from "../stats-match.ts";
import { acceptString } from "./match.ts";
import type { Scope } from "./scope.ts";

const ALL: StatsMatch = { names: [], tellsThose: false };
const NONE: StatsMatch = { names: [], tellsThose: true };

export function acceptStatsMatcher(scope: Scope, matcher: StatsMatcher): StatsMatch {
  scope.only(matcher, ["statsMatcher"]);
  const { statsMatcher: by } = matcher;
  switch (by.case) {
    case undefined:
      return ALL;
    case "rejectAll":
      return by.value ? NONE : ALL;
    case "exclusionList":
    case "inclusionList": {
      const patterns = scope.field(by.case === "inclusionList" ? "inclusion_list" : "exclusion_list").field("patterns");
      const names = by.value.patterns.map((pattern, i) => acceptString(patterns.index(i), pattern));
      return { names, tellsThose: by.case === "inclusionList" };
    }
  }
}
