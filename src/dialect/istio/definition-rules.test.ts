// What Istio's definitions refuse is refused before an API server sees it. What those of deploy/crds refuse is tried on one (test/conformance).

import { describe, expect, test } from "bun:test";
import { BROKEN_RULES } from "./definition-rules-fixture.ts";
import { verdictOf } from "./verdict-fixture.ts";

describe("what Istio's definitions refuse", () => {
  for (const [kind, rules] of Map.groupBy(BROKEN_RULES, (rule) => rule.kind))
    test(kind, () => {
      const taken = rules.filter(({ spec }) => verdictOf(kind, spec).verdict !== "error");
      expect(taken.map(({ rule }) => rule)).toEqual([]);
    });
});
