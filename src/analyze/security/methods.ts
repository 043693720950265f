// Methods that rules of AuthorizationPolicies name.

import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { TextPatterns } from "../text-patterns.ts";
import { viewAs } from "../view.ts";
import { operationsOf } from "./rules.ts";

const NAMES = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
const METHODS = new TextPatterns(NAMES);

export const authorizationMethods: ObjectAnalyzer = {
  name: "authorizationpolicy.MethodAnalyzer",
  about: "methods are HTTP's",
  codes: ["KIA0102"],
  scope: "object",
  analyze(object, report) {
    const rules = viewAs(kinds.authorizationPolicy, object)?.value.spec?.rules ?? [];
    for (const { text, path } of operationsOf(rules, "methods")) {
      if (METHODS.fits(text)) continue;
      const upper = text.toUpperCase();
      const message = `no method of HTTP, which is what requests have (gRPC's have POST): ${JSON.stringify(text)}`;
      report(object, path, finding("KIA0102", message, METHODS.fits(upper) ? upper : insteadOf(text)));
    }
  },
};

function insteadOf(text: string): string {
  return text.startsWith("/") ? `paths: [${JSON.stringify(text)}], the path of a gRPC method` : "GET, POST, …";
}
