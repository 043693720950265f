// Conditions as Envoy's RBAC has them: who asks is a principal, what is asked for a permission.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { parseCidr } from "../../base/cidr.ts";
import type { OperationCondition, SubjectCondition, TextMatch } from "../../model/authorization.ts";
import type { PermissionSchema, PrincipalSchema } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import type { HeaderMatcherSchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { MetadataMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/metadata_pb.ts";
import type { StringMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/string_pb.ts";
import type { ValueMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/value_pb.ts";

/** What verifies tokens leaves their claims there, as Istio has it. */
export const JWT_FILTER = "envoy.filters.http.jwt_authn";
export const PAYLOAD_KEY = "payload";

export type PermissionInit = MessageInitShape<typeof PermissionSchema>;
export type PrincipalInit = MessageInitShape<typeof PrincipalSchema>;
type StringInit = MessageInitShape<typeof StringMatcherSchema>;
type ValueInit = MessageInitShape<typeof ValueMatcherSchema>;
type MetadataInit = MessageInitShape<typeof MetadataMatcherSchema>;

function stringMatcher(match: TextMatch): StringInit {
  switch (match.kind) {
    case "present":
      return { matchPattern: { case: "safeRegex", value: { regex: ".+" } } };
    case "regex":
      return { matchPattern: { case: "safeRegex", value: { regex: match.value } } };
    default:
      return { matchPattern: { case: match.kind, value: match.value }, ignoreCase: match.ignoreCase ?? false };
  }
}

/** Of a header `*` asks for presence: an empty one is there. */
function headerMatcher(name: string, match: TextMatch): MessageInitShape<typeof HeaderMatcherSchema> {
  return match.kind === "present"
    ? { name, headerMatchSpecifier: { case: "presentMatch", value: true } }
    : { name, headerMatchSpecifier: { case: "stringMatch", value: stringMatcher(match) } };
}

function range(text: string) {
  const [address = "", length] = text.split("/");
  return { addressPrefix: address, prefixLen: length === undefined ? parseCidr(text)!.bits : Number(length) };
}

function metadataMatcher(filter: string, path: readonly string[], value: ValueInit): MetadataInit {
  return { filter, path: path.map((key) => ({ segment: { case: "key", value: key } })), value };
}

function textValue(match: TextMatch): ValueInit {
  return { matchPattern: { case: "stringMatch", value: stringMatcher(match) } };
}

function elementValue(match: TextMatch): ValueInit {
  return {
    matchPattern: { case: "listMatch", value: { matchPattern: { case: "oneOf", value: textValue(match) } } },
  };
}

/** A claim is a string or a list of them. */
export function claimMatcher(path: readonly string[], match: TextMatch): MetadataInit {
  const valueMatchers = [textValue(match), elementValue(match)];
  return metadataMatcher(JWT_FILTER, [PAYLOAD_KEY, ...path], {
    matchPattern: { case: "orMatch", value: { valueMatchers } },
  });
}

export function principal(condition: SubjectCondition): PrincipalInit {
  switch (condition.kind) {
    case "all":
      if (condition.conditions.length === 0) return { identifier: { case: "any", value: true } };
      return { identifier: { case: "andIds", value: { ids: condition.conditions.map(principal) } } };
    case "some":
      if (condition.conditions.length === 0) return { identifier: { case: "notId", value: EVERY_PRINCIPAL } };
      return { identifier: { case: "orIds", value: { ids: condition.conditions.map(principal) } } };
    case "not":
      return { identifier: { case: "notId", value: principal(condition.condition) } };
    case "identity":
      return {
        identifier: { case: "authenticated", value: { principalName: stringMatcher(condition.match) } },
      };
    case "address":
      return {
        identifier: {
          case: condition.of === "peer" ? "directRemoteIp" : "remoteIp",
          value: range(condition.range),
        },
      };
    case "header":
      return { identifier: { case: "header", value: headerMatcher(condition.name, condition.match) } };
    case "claim":
      return { identifier: { case: "metadata", value: claimMatcher(condition.path, condition.match) } };
  }
}

const EVERY_PRINCIPAL: PrincipalInit = { identifier: { case: "any", value: true } };
const EVERY_PERMISSION: PermissionInit = { rule: { case: "any", value: true } };

export function permission(condition: OperationCondition): PermissionInit {
  switch (condition.kind) {
    case "all":
      if (condition.conditions.length === 0) return EVERY_PERMISSION;
      return { rule: { case: "andRules", value: { rules: condition.conditions.map(permission) } } };
    case "some":
      if (condition.conditions.length === 0) return { rule: { case: "notRule", value: EVERY_PERMISSION } };
      return { rule: { case: "orRules", value: { rules: condition.conditions.map(permission) } } };
    case "not":
      return { rule: { case: "notRule", value: permission(condition.condition) } };
    case "host":
      return { rule: { case: "header", value: headerMatcher(":authority", condition.match) } };
    case "method":
      return { rule: { case: "header", value: headerMatcher(":method", condition.match) } };
    case "path":
      return {
        rule: { case: "urlPath", value: { rule: { case: "path", value: stringMatcher(condition.match) } } },
      };
    case "server-name":
      return { rule: { case: "requestedServerName", value: stringMatcher(condition.match) } };
    case "port":
      return { rule: { case: "destinationPort", value: condition.number } };
    case "destination":
      return { rule: { case: "destinationIp", value: range(condition.range) } };
    case "metadata": {
      const { filter, key, element, match } = condition;
      const value = element ? elementValue(match) : textValue(match);
      return { rule: { case: "metadata", value: metadataMatcher(filter, [key], value) } };
    }
  }
}
