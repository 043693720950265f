// Role-based access control (envoy.config.rbac.v3): who may do what, decided on facts alone.

import type { Cidr } from "../base/cidr.ts";
import { containsAddress } from "../base/cidr.ts";
import { type HeaderMatch, matchesHeaderValues } from "./header-match.ts";
import { evaluate, type Matcher } from "./matcher.ts";
import type { FilterMetadata } from "./metadata.ts";
import { type MetadataMatch, matchesMetadata } from "./metadata-match.ts";
import { type ConnectionFacts, headerValue, pathWithoutQuery, type RequestFacts } from "./request.ts";
import { matchesString, type StringMatch } from "./string-match.ts";

/** One tree for permissions and principals: both are conditions on the same facts. HTTP-only conditions never hold on a byte stream. */
export type Condition =
  | { readonly kind: "any" }
  | { readonly kind: "and" | "or"; readonly conditions: readonly Condition[] }
  | { readonly kind: "not"; readonly condition: Condition }
  | { readonly kind: "header"; readonly match: HeaderMatch }
  | { readonly kind: "path"; readonly match: StringMatch }
  | { readonly kind: "destination-ip"; readonly range: Cidr }
  | { readonly kind: "destination-port"; readonly from: number; readonly to: number }
  | { readonly kind: "server-name"; readonly match: StringMatch }
  /** Undefined: any peer that proved an identity. */
  | { readonly kind: "principal"; readonly match: StringMatch | undefined }
  | { readonly kind: "source-ip" | "direct-source-ip"; readonly range: Cidr }
  /** Of the client, whom the proxies before this one name. */
  | { readonly kind: "remote-ip"; readonly range: Cidr }
  | { readonly kind: "metadata"; readonly of: "dynamic" | "route"; readonly match: MetadataMatch };

/** What conditions ask for beside the head of a request. */
export interface RequestContext {
  /** Of the client: x-forwarded-for says it where that is trusted, and then there is no port (0). */
  readonly remoteAddress: string;
  readonly remotePort: number;
  metadata(of: "dynamic" | "route"): FilterMetadata | undefined;
}

export interface RbacPolicy {
  readonly name: string;
  readonly permission: Condition;
  readonly principal: Condition;
}

export interface RbacRules {
  readonly kind: "rules";
  readonly action: "allow" | "deny" | "log";
  /** By name, as Envoy evaluates its ordered map. */
  readonly policies: readonly RbacPolicy[];
}

export type RbacInput =
  | { readonly kind: "header"; readonly name: string }
  | {
      readonly kind:
        | "destination-ip"
        | "destination-port"
        | "source-ip"
        | "source-port"
        | "direct-source-ip"
        | "server-name"
        | "uri-san"
        | "dns-san"
        | "subject";
    };

/** A policy's name, and what becomes of whom it matches. */
export interface RbacAction {
  readonly name: string;
  readonly action: RbacRules["action"];
}

/** Where no action is found, nobody gets in. */
export interface RbacTree {
  readonly kind: "tree";
  readonly matcher: Matcher<RbacInput, RbacAction> | undefined;
  /** Some action is LOG. */
  readonly logs: boolean;
}

export type RbacTable = RbacRules | RbacTree;

export interface RbacDecision {
  readonly allowed: boolean;
  /** The policy that matched; undefined when none did. */
  readonly policy: string | undefined;
  /** What is to be said to access logs; undefined when nothing asks for it. */
  readonly hint: boolean | undefined;
}

/**
 * `every`: of a header that came several times, each value must match; else one is enough (CVE-2026-26308). What is denied takes one, what
 * is allowed all of them, and a negation turns the two round: in doubt, nobody gets in. Envoy takes one in every case.
 * A byte stream has neither request nor context.
 */
function holds(
  condition: Condition,
  connection: ConnectionFacts,
  request: RequestFacts | undefined,
  context: RequestContext | undefined,
  every: boolean,
): boolean {
  switch (condition.kind) {
    case "any":
      return true;
    case "and":
      return holdsAll(condition.conditions, connection, request, context, every);
    case "or":
      return holdsAny(condition.conditions, connection, request, context, every);
    case "not":
      return !holds(condition.condition, connection, request, context, !every);
    case "header":
      return request !== undefined && matchesHeaderValues(condition.match, request, every);
    case "path":
      // A plain CONNECT has no path, and matches none: not even what would match "".
      return (
        request !== undefined && request.path !== "" && matchesString(condition.match, pathWithoutQuery(request.path))
      );
    case "destination-ip":
      return containsAddress(condition.range, connection.localAddress);
    case "destination-port":
      return connection.localPort >= condition.from && connection.localPort < condition.to;
    case "server-name":
      return matchesString(condition.match, connection.serverName);
    case "principal":
      return (
        connection.principal !== "" &&
        (condition.match === undefined || matchesString(condition.match, connection.principal))
      );
    case "source-ip":
      return containsAddress(condition.range, connection.remoteAddress);
    case "direct-source-ip":
      return containsAddress(condition.range, connection.directRemoteAddress);
    case "remote-ip":
      return containsAddress(condition.range, context?.remoteAddress ?? connection.remoteAddress);
    case "metadata":
      return matchesMetadata(condition.match, context?.metadata(condition.of));
  }
}

// Loops, since a closure for each branch of each policy takes more than the conditions themselves: 225 against 90 ns a request.

function holdsAll(
  conditions: readonly Condition[],
  connection: ConnectionFacts,
  request: RequestFacts | undefined,
  context: RequestContext | undefined,
  every: boolean,
): boolean {
  for (let i = 0; i < conditions.length; i++)
    if (!holds(conditions[i]!, connection, request, context, every)) return false;
  return true;
}

function holdsAny(
  conditions: readonly Condition[],
  connection: ConnectionFacts,
  request: RequestFacts | undefined,
  context: RequestContext | undefined,
  every: boolean,
): boolean {
  for (let i = 0; i < conditions.length; i++)
    if (holds(conditions[i]!, connection, request, context, every)) return true;
  return false;
}

const ALLOWED: RbacDecision = { allowed: true, policy: undefined, hint: undefined };
const UNLOGGED: RbacDecision = { allowed: true, policy: undefined, hint: false };
const DENIED: RbacDecision = { allowed: false, policy: undefined, hint: undefined };

interface TreeFacts {
  readonly connection: ConnectionFacts;
  readonly client: Pick<ConnectionFacts, "remoteAddress" | "remotePort">;
  readonly request: RequestFacts | undefined;
}

/** Envoy's inputs: "" is not there, and what came several times is joined with ",". */
function readInput(input: RbacInput, { connection, client, request }: TreeFacts): string | undefined {
  switch (input.kind) {
    case "header":
      return request && headerValue(request, input.name);
    case "destination-ip":
      return connection.localAddress;
    case "destination-port":
      return String(connection.localPort);
    case "source-ip":
      return client.remoteAddress;
    case "source-port":
      return String(client.remotePort);
    case "direct-source-ip":
      return connection.directRemoteAddress;
    case "server-name":
      return connection.serverName || undefined;
    case "uri-san":
      return connection.principal || undefined;
    case "dns-san":
      return connection.peer?.dnsNames.join(",") || undefined;
    case "subject":
      return connection.peer?.subject;
  }
}

function decideTree({ matcher, logs }: RbacTree, facts: TreeFacts): RbacDecision {
  const found = evaluate(matcher, readInput, facts);
  if (found === undefined) return DENIED;
  const hint = logs ? found.action === "log" : undefined;
  return { allowed: found.action !== "deny", policy: found.name, hint };
}

/** ALLOW: some policy must match. DENY: none may. LOG never refuses. A tree says so of each action of its own. */
export function decideRbac(
  table: RbacTable,
  connection: ConnectionFacts,
  request: RequestFacts | undefined,
  context?: RequestContext,
): RbacDecision {
  if (table.kind === "tree") return decideTree(table, { connection, client: context ?? connection, request });
  const { action, policies } = table;
  const every = action === "allow";
  for (let i = 0; i < policies.length; i++) {
    const policy = policies[i]!;
    if (
      holds(policy.permission, connection, request, context, every) &&
      holds(policy.principal, connection, request, context, every)
    ) {
      return { allowed: action !== "deny", policy: policy.name, hint: action === "log" ? true : undefined };
    }
  }
  if (action === "log") return UNLOGGED;
  return action === "allow" ? DENIED : ALLOWED;
}
