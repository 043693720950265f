// RegexMatchAndSubstitute.

import type { RegexMatchAndSubstitute } from "../../xds/gen/envoy/type/matcher/v3/regex_pb.ts";
import { compileRegex } from "../string-match.ts";
import { parseSubstitution, type Substitution } from "../substitution.ts";
import type { Scope } from "./scope.ts";

/** Undefined when it was refused. */
export function acceptSubstitution(scope: Scope, rewrite: RegexMatchAndSubstitute): Substitution | undefined {
  scope.only(rewrite, ["pattern", "substitution"]);
  const at = scope.field("pattern");
  if (!rewrite.pattern || rewrite.pattern.regex === "") {
    at.reject("missing");
    return undefined;
  }
  at.only(rewrite.pattern, ["regex", "engineType"]);
  const compiled = compileRegex(rewrite.pattern.regex);
  if ("error" in compiled) {
    at.field("regex").reject(`${JSON.stringify(rewrite.pattern.regex)}: ${compiled.error}`);
    return undefined;
  }
  const parsed = parseSubstitution(compiled.pattern, rewrite.substitution);
  if ("error" in parsed) {
    scope.field("substitution").reject(parsed.error);
    return undefined;
  }
  return parsed;
}
