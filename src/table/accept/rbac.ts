// Role-based access control of both filters (HTTP and network).

import type { TypedExtensionConfig } from "../../xds/gen/envoy/config/core/v3/extension_pb.ts";
import {
  MetadataSource,
  type Permission,
  type Principal,
  type RBAC,
  RBAC_Action,
  type SourcedMetadata,
} from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import type { Condition, RbacRules } from "../rbac.ts";
import { acceptCidr } from "./cidr.ts";
import { acceptHeaderMatch, acceptPathMatch, acceptString } from "./match.ts";
import { acceptMetadataMatch } from "./metadata-match.ts";
import { protoName, type Scope } from "./scope.ts";

const NEVER: Condition = { kind: "not", condition: { kind: "any" } };

/** One condition stands for itself: the control plane wraps most of what it says in lists of one. */
function combine(kind: "and" | "or", conditions: readonly Condition[]): Condition {
  return conditions.length === 1 ? conditions[0]! : { kind, conditions };
}

function extensionName({ name }: TypedExtensionConfig): string {
  return ` ${JSON.stringify(name)}`;
}

function acceptSourcedMetadata(scope: Scope, sourced: SourcedMetadata): Condition {
  scope.only(sourced, ["metadataMatcher", "metadataSource"]);
  if (!sourced.metadataMatcher) {
    scope.field("metadata_matcher").reject("missing");
    return NEVER;
  }
  return {
    kind: "metadata",
    of: sourced.metadataSource === MetadataSource.ROUTE ? "route" : "dynamic",
    match: acceptMetadataMatch(scope.field("metadata_matcher"), sourced.metadataMatcher),
  };
}

function acceptPermission(scope: Scope, permission: Permission): Condition {
  const { rule } = permission;
  switch (rule.case) {
    case "any":
      return rule.value ? { kind: "any" } : NEVER;
    case "andRules":
    case "orRules":
      return combine(
        rule.case === "andRules" ? "and" : "or",
        rule.value.rules.map((part, i) =>
          acceptPermission(scope.field(rule.case === "andRules" ? "and_rules" : "or_rules").index(i), part),
        ),
      );
    case "notRule":
      return { kind: "not", condition: acceptPermission(scope.field("not_rule"), rule.value) };
    case "header":
      return { kind: "header", match: acceptHeaderMatch(scope.field("header"), rule.value) };
    case "urlPath":
      return { kind: "path", match: acceptPathMatch(scope.field("url_path"), rule.value) };
    case "destinationIp": {
      const range = acceptCidr(scope.field("destination_ip"), rule.value);
      return range ? { kind: "destination-ip", range } : NEVER;
    }
    case "destinationPort":
      return { kind: "destination-port", from: rule.value, to: rule.value + 1 };
    case "destinationPortRange":
      return { kind: "destination-port", from: rule.value.start, to: rule.value.end };
    case "metadata":
      return { kind: "metadata", of: "dynamic", match: acceptMetadataMatch(scope.field("metadata"), rule.value) };
    case "sourcedMetadata":
      return acceptSourcedMetadata(scope.field("sourced_metadata"), rule.value);
    case "requestedServerName":
      return { kind: "server-name", match: acceptString(scope.field("requested_server_name"), rule.value) };
    default:
      scope.reject(
        rule.case === undefined
          ? "empty permission"
          : `permission ${protoName(rule.case)}${extensionName(rule.value)} is not supported by Heddle's proxy`,
      );
      return NEVER;
  }
}

function acceptPrincipal(scope: Scope, principal: Principal): Condition {
  const { identifier: id } = principal;
  switch (id.case) {
    case "any":
      return id.value ? { kind: "any" } : NEVER;
    case "andIds":
    case "orIds":
      return combine(
        id.case === "andIds" ? "and" : "or",
        id.value.ids.map((part, i) =>
          acceptPrincipal(scope.field(id.case === "andIds" ? "and_ids" : "or_ids").index(i), part),
        ),
      );
    case "notId":
      return { kind: "not", condition: acceptPrincipal(scope.field("not_id"), id.value) };
    case "authenticated":
      return {
        kind: "principal",
        match:
          id.value.principalName &&
          acceptString(scope.field("authenticated").field("principal_name"), id.value.principalName),
      };
    case "sourceIp":
    case "directRemoteIp": {
      const range = acceptCidr(scope.field(id.case === "sourceIp" ? "source_ip" : "direct_remote_ip"), id.value);
      return range ? { kind: id.case === "sourceIp" ? "source-ip" : "direct-source-ip", range } : NEVER;
    }
    case "remoteIp": {
      const range = acceptCidr(scope.field("remote_ip"), id.value);
      return range ? { kind: "remote-ip", range } : NEVER;
    }
    case "metadata":
      return { kind: "metadata", of: "dynamic", match: acceptMetadataMatch(scope.field("metadata"), id.value) };
    case "sourcedMetadata":
      return acceptSourcedMetadata(scope.field("sourced_metadata"), id.value);
    case "header":
      return { kind: "header", match: acceptHeaderMatch(scope.field("header"), id.value) };
    case "urlPath":
      return { kind: "path", match: acceptPathMatch(scope.field("url_path"), id.value) };
    default:
      scope.reject(
        id.case === undefined
          ? "empty principal"
          : `principal ${protoName(id.case)} is not supported by Heddle's proxy`,
      );
      return NEVER;
  }
}

export const ACTIONS: ReadonlyMap<RBAC_Action, RbacRules["action"]> = new Map([
  [RBAC_Action.ALLOW, "allow"],
  [RBAC_Action.DENY, "deny"],
  [RBAC_Action.LOG, "log"],
]);

export function acceptRbac(scope: Scope, rbac: RBAC): RbacRules {
  scope.only(rbac, ["action", "policies"]);
  const action = ACTIONS.get(rbac.action);
  if (action === undefined) scope.field("action").reject(`unknown value ${rbac.action}`);
  const policies = Object.entries(rbac.policies)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, policy]) => {
      const at = scope.field("policies").key(name);
      at.only(policy, ["permissions", "principals"]);
      const permissions = policy.permissions.map((permission, i) =>
        acceptPermission(at.field("permissions").index(i), permission),
      );
      const principals = policy.principals.map((principal, i) =>
        acceptPrincipal(at.field("principals").index(i), principal),
      );
      return { name, permission: combine("or", permissions), principal: combine("or", principals) };
    });
  return { kind: "rules", action: action ?? "deny", policies };
}
