// Matcher trees (xds.type.matcher.v3.Matcher): from what an input says to an action, whoever asks. Filters and listeners bring inputs and actions of their own.

import { type Cidr, containsAddress } from "../base/cidr.ts";
import { matchesString, type StringMatch } from "./string-match.ts";

export type Predicate<Input> =
  | { readonly kind: "and" | "or"; readonly predicates: readonly Predicate<Input>[] }
  | { readonly kind: "not"; readonly predicate: Predicate<Input> }
  | { readonly kind: "string"; readonly input: Input; readonly match: StringMatch }
  | { readonly kind: "ip"; readonly input: Input; readonly ranges: readonly Cidr[] };

/** `otherwise`: when nothing matched, or what matched led nowhere. */
export type Matcher<Input, Action> =
  | { readonly kind: "action"; readonly action: Action }
  | {
      readonly kind: "list";
      readonly entries: readonly { readonly predicate: Predicate<Input>; readonly then: Matcher<Input, Action> }[];
      readonly otherwise: Matcher<Input, Action> | undefined;
    }
  | {
      readonly kind: "exact";
      readonly input: Input;
      readonly map: ReadonlyMap<string, Matcher<Input, Action>>;
      readonly otherwise: Matcher<Input, Action> | undefined;
    }
  | {
      readonly kind: "prefix";
      readonly input: Input;
      /** The longest first. */
      readonly prefixes: readonly { readonly prefix: string; readonly then: Matcher<Input, Action> }[];
      readonly otherwise: Matcher<Input, Action> | undefined;
    }
  | {
      readonly kind: "ranges";
      readonly input: Input;
      /** The narrowest first. `exclusive`: not for an address that a narrower one holds. */
      readonly ranges: readonly {
        readonly range: Cidr;
        readonly exclusive: boolean;
        readonly then: Matcher<Input, Action> | undefined;
      }[];
      readonly otherwise: Matcher<Input, Action> | undefined;
    };

/** What an input says of the facts; undefined when they have nothing of the kind, which no matcher matches. */
export type ReadInput<Input, Facts> = (input: Input, facts: Facts) => string | undefined;

// Functions of facts and not closures over them: a decision is made for each request.

function holds<Input, Facts>(predicate: Predicate<Input>, read: ReadInput<Input, Facts>, facts: Facts): boolean {
  switch (predicate.kind) {
    case "and":
      for (const part of predicate.predicates) if (!holds(part, read, facts)) return false;
      return true;
    case "or":
      for (const part of predicate.predicates) if (holds(part, read, facts)) return true;
      return false;
    case "not":
      return !holds(predicate.predicate, read, facts);
    case "string": {
      const value = read(predicate.input, facts);
      return value !== undefined && matchesString(predicate.match, value);
    }
    case "ip": {
      const value = read(predicate.input, facts);
      if (value === undefined) return false;
      for (const range of predicate.ranges) if (containsAddress(range, value)) return true;
      return false;
    }
  }
}

type Branching<Input, Action> = Exclude<Matcher<Input, Action>, { readonly kind: "action" }>;

function listed<Input, Action, Facts>(
  { entries }: Branching<Input, Action> & { readonly kind: "list" },
  read: ReadInput<Input, Facts>,
  facts: Facts,
): Action | undefined {
  for (const { predicate, then } of entries) {
    if (!holds(predicate, read, facts)) continue;
    const action = evaluate(then, read, facts);
    if (action !== undefined) return action;
  }
  return undefined;
}

function mapped<Input, Action, Facts>(
  matcher: Exclude<Branching<Input, Action>, { readonly kind: "list" }>,
  read: ReadInput<Input, Facts>,
  facts: Facts,
): Action | undefined {
  const value = read(matcher.input, facts);
  if (value === undefined) return undefined;
  switch (matcher.kind) {
    case "exact":
      return evaluate(matcher.map.get(value), read, facts);
    case "prefix":
      for (const { prefix, then } of matcher.prefixes) {
        const action = value.startsWith(prefix) ? evaluate(then, read, facts) : undefined;
        if (action !== undefined) return action;
      }
      return undefined;
    case "ranges": {
      let isNarrowest = true;
      for (const { range, exclusive, then } of matcher.ranges) {
        if (!containsAddress(range, value)) continue;
        const action = isNarrowest || !exclusive ? evaluate(then, read, facts) : undefined;
        if (action !== undefined) return action;
        isNarrowest = false;
      }
      return undefined;
    }
  }
}

/** The action that the facts lead to; undefined when none. */
export function evaluate<Input, Action, Facts>(
  matcher: Matcher<Input, Action> | undefined,
  read: ReadInput<Input, Facts>,
  facts: Facts,
): Action | undefined {
  if (matcher === undefined) return undefined;
  if (matcher.kind === "action") return matcher.action;
  const action = matcher.kind === "list" ? listed(matcher, read, facts) : mapped(matcher, read, facts);
  return action === undefined ? evaluate(matcher.otherwise, read, facts) : action;
}

function branches<Input, Action>(matcher: Branching<Input, Action>): readonly (Matcher<Input, Action> | undefined)[] {
  switch (matcher.kind) {
    case "list":
      return matcher.entries.map(({ then }) => then);
    case "exact":
      return [...matcher.map.values()];
    case "prefix":
      return matcher.prefixes.map(({ then }) => then);
    case "ranges":
      return matcher.ranges.map(({ then }) => then);
  }
}

/** Every action that the tree can lead to. */
export function actionsOf<Input, Action>(matcher: Matcher<Input, Action> | undefined): readonly Action[] {
  if (!matcher) return [];
  if (matcher.kind === "action") return [matcher.action];
  return [...branches(matcher), matcher.otherwise].flatMap((branch) => actionsOf(branch));
}
