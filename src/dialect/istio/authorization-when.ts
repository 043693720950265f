// The keys of `when`: what each asks, of the subject or of the operation.

import type { OperationCondition, SubjectCondition } from "../../model/authorization.ts";
import type { MeshSettings } from "../../model/settings.ts";
import {
  claimOf,
  ofNamespace,
  ofTrustDomain,
  principal,
  requestPrincipal,
  serviceAccount,
  textMatch,
} from "./authorization-values.ts";

/** Undefined: the value is not one of its attribute. */
export type Attribute =
  | { readonly of: "subject"; readonly read: (value: string) => SubjectCondition | undefined }
  | { readonly of: "operation"; readonly read: (value: string) => OperationCondition | undefined };

export interface AttributeContext {
  readonly namespace: string;
  readonly settings: MeshSettings;
}

/** Keys without a parameter, for messages too. */
export const CONDITION_KEYS = [
  "source.ip",
  "remote.ip",
  "source.namespace",
  "source.serviceAccount",
  "source.trustDomain",
  "source.principal",
  "request.auth.principal",
  "request.auth.audiences",
  "request.auth.presenter",
  "destination.ip",
  "destination.port",
  "connection.sni",
] as const;

/** Keys of who asks that are known only after the mesh's own authentication. */
export function needsAuthentication(key: string): boolean {
  return (
    key.startsWith("request.auth.") ||
    ["source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"].includes(key)
  );
}

/** The parameters of `name[a][b]`; undefined when the key has another form. */
function parameters(key: string, name: string): readonly string[] | undefined {
  const rest = key.slice(name.length);
  return /^(?:\[[^[\]]+\])+$/.test(rest) ? rest.slice(1, -1).split("][") : undefined;
}

/** How the values of a key are read; undefined when there is no such key. */
export function attributeOf(key: string, { namespace, settings }: AttributeContext): Attribute | undefined {
  switch (key as (typeof CONDITION_KEYS)[number]) {
    case "source.ip":
      return { of: "subject", read: (range) => ({ kind: "address", of: "peer", range }) };
    case "remote.ip":
      return { of: "subject", read: (range) => ({ kind: "address", of: "client", range }) };
    case "source.namespace":
      return { of: "subject", read: ofNamespace };
    case "source.serviceAccount":
      return { of: "subject", read: (value) => serviceAccount(value, namespace) };
    case "source.trustDomain":
      return { of: "subject", read: ofTrustDomain };
    case "source.principal":
      return { of: "subject", read: (value) => principal(value, settings) };
    case "request.auth.principal":
      return { of: "subject", read: requestPrincipal };
    case "request.auth.audiences":
      return { of: "subject", read: (value) => claimOf(["aud"], value) };
    case "request.auth.presenter":
      return { of: "subject", read: (value) => claimOf(["azp"], value) };
    case "destination.ip":
      return { of: "operation", read: (range) => ({ kind: "destination", range }) };
    case "destination.port":
      return { of: "operation", read: readPort };
    case "connection.sni":
      return { of: "operation", read: (value) => ({ kind: "server-name", match: textMatch(value) }) };
    default:
      return parametrised(key);
  }
}

export function readPort(value: string): OperationCondition | undefined {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  return number >= 1 && number <= 65_535 ? { kind: "port", number } : undefined;
}

const FILTERS = "experimental.envoy.filters.";

function parametrised(key: string): Attribute | undefined {
  const [header, ...more] = parameters(key, "request.headers") ?? [];
  if (key.startsWith("request.headers[") && header !== undefined && more.length === 0)
    return {
      of: "subject",
      read: (value) => ({ kind: "header", name: header.toLowerCase(), match: textMatch(value) }),
    };
  if (key.startsWith("request.auth.claims[")) {
    const claims = parameters(key, "request.auth.claims");
    return claims && { of: "subject", read: (value) => claimOf(claims, value) };
  }
  const filter = key.startsWith(FILTERS) ? /^experimental\.([^[\]]+)\[([^[\]]+)\]$/.exec(key) : null;
  return filter ? { of: "operation", read: (value) => filterMetadata(filter[1]!, filter[2]!, value) } : undefined;
}

/** `[value]` is one of a list. */
function filterMetadata(filter: string, key: string, value: string): OperationCondition {
  const element = value.startsWith("[") && value.endsWith("]");
  return { kind: "metadata", filter, key, element, match: textMatch(element ? value.slice(1, -1) : value) };
}
