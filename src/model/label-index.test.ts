// The indexes against a plain scan.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { LabelIndex, SelectorIndex } from "./label-index.ts";
import { labelsMatch } from "./workload.ts";

const labels = fc.dictionary(fc.constantFrom("app", "version", "tier"), fc.constantFrom("a", "b", "c"));

test("an index finds what comparing everything with everything finds, in the same order", () => {
  fc.assert(
    fc.property(fc.array(labels), labels, (many, wanted) => {
      const things = many.map((entry) => ({ labels: entry }));
      const expected = things.filter((thing) => labelsMatch(wanted, thing.labels));
      expect(new LabelIndex(things).select(wanted)).toEqual(expected);
    }),
  );
});

test("the reverse index finds every selector that labels satisfy, in the order given", () => {
  fc.assert(
    fc.property(fc.array(labels), labels, (selectors, own) => {
      const expected = selectors.filter((selector) => labelsMatch(selector, own));
      expect(new SelectorIndex(selectors, (selector) => selector).matching(own)).toEqual(expected);
    }),
  );
});
