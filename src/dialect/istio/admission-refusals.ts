// What istiod's admission refuses of annotations, targets and tokens though each field by itself is right: codes HED1360 to HED1363, sorted and
// never reused.

import type { Message } from "../../model/message.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

export function neitherIssuerNorAddress(): Message {
  return error("HED1360", "nothing says whose tokens these are", "issuer, or jwksUri for tokens of any issuer");
}

export function dryRunElsewhere(kind: string): Message {
  return error("HED1361", `a ${kind} has no dry run: AuthorizationPolicies have`, "no istio.io/dry-run");
}

export function internalAnnotation(name: string): Message {
  return error("HED1363", `${name} is istiod's own, which refuses who writes it`, `no ${name}`);
}
