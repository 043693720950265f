// Conditions as one filter chain can ask them: what the chain decides by itself is decided, what it never knows is left out.

import type { AuthorizationRule, Condition, OperationLeaf, SubjectLeaf } from "../../model/authorization.ts";

export interface ChainFacts {
  /** Bytes, in which there are no requests. */
  readonly stream: boolean;
  /**
   * The application's port that the chain leads to. The port that a connection came to is another one: that of the leg, or one that
   * stands in. Undefined: it is the application's.
   */
  readonly port: number | undefined;
}

type Leaf = SubjectLeaf | OperationLeaf;

const EVERYBODY = { kind: "all", conditions: [] } as const;
const NOBODY = { kind: "some", conditions: [] } as const;

function isEverybody(condition: Condition<Leaf>): boolean {
  return condition.kind === "all" && condition.conditions.length === 0;
}

function isNobody(condition: Condition<Leaf>): boolean {
  return condition.kind === "some" && condition.conditions.length === 0;
}

function isOfRequests(leaf: Leaf): boolean {
  return ["header", "claim", "host", "method", "path"].includes(leaf.kind);
}

function asksRequests(condition: Condition<Leaf>): boolean {
  switch (condition.kind) {
    case "all":
    case "some":
      return condition.conditions.some(asksRequests);
    case "not":
      return asksRequests(condition.condition);
    default:
      return isOfRequests(condition);
  }
}

/** Undefined: nothing is left, as it asked of a byte stream what only requests have. */
function settle<L extends Leaf>(condition: Condition<L>, facts: ChainFacts): Condition<L> | undefined {
  switch (condition.kind) {
    case "all": {
      const parts = members(condition.conditions, facts).filter((part) => !isEverybody(part));
      if (parts.some(isNobody)) return NOBODY;
      return parts.length === 1 ? parts[0] : { kind: "all", conditions: parts };
    }
    case "some": {
      const settled = members(condition.conditions, facts);
      if (condition.conditions.length > 0 && settled.length === 0) return undefined;
      const parts = settled.filter((part) => !isNobody(part));
      if (parts.some(isEverybody)) return EVERYBODY;
      return parts.length === 1 ? parts[0] : { kind: "some", conditions: parts };
    }
    case "not": {
      const inner = settle(condition.condition, facts);
      if (inner === undefined) return undefined;
      if (isEverybody(inner)) return NOBODY;
      return isNobody(inner) ? EVERYBODY : { kind: "not", condition: inner };
    }
    default:
      if (facts.stream && isOfRequests(condition)) return undefined;
      if (condition.kind !== "port" || facts.port === undefined) return condition;
      return condition.number === facts.port ? EVERYBODY : NOBODY;
  }
}

function members<L extends Leaf>(conditions: readonly Condition<L>[], facts: ChainFacts): readonly Condition<L>[] {
  return conditions.map((part) => settle(part, facts)).filter((part) => part !== undefined);
}

/**
 * The rule as the chain can judge it; undefined when nobody on it ever matches. On a byte stream a rule that lets in whom it matches is
 * dropped when it asks for anything of a request; a rule that refuses loses that condition alone, and refuses more
 * (Istio's rule.checkError). Either way in doubt nobody gets in.
 */
export function settleRule(
  { subject, operation }: AuthorizationRule,
  facts: ChainFacts,
  admits: boolean,
): AuthorizationRule | undefined {
  if (admits && facts.stream && (asksRequests(subject) || asksRequests(operation))) return undefined;
  const who = settle(subject, facts) ?? EVERYBODY;
  const what = settle(operation, facts) ?? EVERYBODY;
  return isNobody(who) || isNobody(what) ? undefined : { subject: who, operation: what };
}
