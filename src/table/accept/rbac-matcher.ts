// Matcher trees of both RBAC filters: to envoy.config.rbac.v3.Action.

import type { Any } from "@bufbuild/protobuf/wkt";
import { ActionSchema, type RBAC } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import {
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  DirectSourceIPInputSchema,
  ServerNameInputSchema,
  SourceIPInputSchema,
  SourcePortInputSchema,
} from "../../xds/gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts";
import {
  DnsSanInputSchema,
  SubjectInputSchema,
  UriSanInputSchema,
} from "../../xds/gen/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb.ts";
import { HttpRequestHeaderMatchInputSchema } from "../../xds/gen/envoy/type/matcher/v3/http_inputs_pb.ts";
import type { Matcher as MatcherMessage } from "../../xds/gen/xds/type/matcher/v3/matcher_pb.ts";
import { actionsOf } from "../matcher.ts";
import type { RbacAction, RbacInput, RbacTable } from "../rbac.ts";
import { acceptMatcher, inputOf } from "./matcher.ts";
import { ACTIONS, acceptRbac } from "./rbac.ts";
import { isA, type Scope } from "./scope.ts";

/** Those that Envoy's RBAC filters take, and no others (ActionValidationVisitor). */
const INPUTS = [
  [DestinationIPInputSchema, { kind: "destination-ip" }],
  [DestinationPortInputSchema, { kind: "destination-port" }],
  [SourceIPInputSchema, { kind: "source-ip" }],
  [SourcePortInputSchema, { kind: "source-port" }],
  [DirectSourceIPInputSchema, { kind: "direct-source-ip" }],
  [ServerNameInputSchema, { kind: "server-name" }],
  [UriSanInputSchema, { kind: "uri-san" }],
  [DnsSanInputSchema, { kind: "dns-san" }],
  [SubjectInputSchema, { kind: "subject" }],
] as const;

function acceptNetworkInput(scope: Scope, any: Any): RbacInput | undefined {
  return inputOf<RbacInput>(scope, any, INPUTS);
}

function acceptHttpInput(scope: Scope, any: Any): RbacInput | undefined {
  if (!isA(any, HttpRequestHeaderMatchInputSchema)) return acceptNetworkInput(scope, any);
  const header = scope.unpack(any, HttpRequestHeaderMatchInputSchema);
  if (header?.headerName === "") scope.field("header_name").reject("empty");
  return header && { kind: "header", name: header.headerName.toLowerCase() };
}

function acceptAction(scope: Scope, any: Any | undefined): RbacAction | undefined {
  const message = scope.unpack(any, ActionSchema);
  if (!message) return undefined;
  if (message.name === "") scope.field("name").reject("empty");
  const action = ACTIONS.get(message.action);
  if (action === undefined) scope.field("action").reject(`unknown value ${message.action}`);
  return { name: message.name, action: action ?? "deny" };
}

/** What both filters have twice, enforced and as a shadow: rules, and a matcher that counts where there are both. */
export function acceptRulesOrMatcher(
  at: { readonly rules: Scope; readonly matcher: Scope },
  rules: RBAC | undefined,
  matcher: MatcherMessage | undefined,
  over: "http" | "network",
): RbacTable | undefined {
  const own = rules && acceptRbac(at.rules, rules);
  if (!matcher) return own;
  const tree = acceptMatcher(at.matcher, matcher, {
    input: over === "http" ? acceptHttpInput : acceptNetworkInput,
    action: acceptAction,
  });
  return { kind: "tree", matcher: tree, logs: actionsOf(tree).some(({ action }) => action === "log") };
}
