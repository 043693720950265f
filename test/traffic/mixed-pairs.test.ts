// Heddle to Envoy, and Envoy to Heddle.

import { test } from "bun:test";
import { PAIRS } from "./pair.ts";
import { pairCases } from "./pair-cases.ts";

if (PAIRS.length > 1) pairCases(false);
else test.skip("there is no Envoy", () => {});
