// Heddle to Heddle, and Envoy to Envoy.

import { pairCases } from "./pair-cases.ts";

pairCases(true);
