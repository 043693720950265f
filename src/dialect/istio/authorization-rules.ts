// The rules of AuthorizationPolicy: fields of a source or an operation are joined by AND, their values by OR, sources and operations by OR.

import { parseCidr } from "../../base/cidr.ts";
import type {
  AuthorizationRule,
  Condition,
  OperationCondition,
  OperationLeaf,
  SubjectCondition,
  SubjectLeaf,
} from "../../model/authorization.ts";
import * as common from "../diagnostics.ts";
import { isHeaderName } from "../formats.ts";
import { joinPath } from "../path.ts";
import type { ActionSpec, ConditionSpec, OperationSpec, RuleSpec, SourceSpec } from "./authorization-policy-schema.ts";
import {
  host,
  isTemplate,
  method,
  ofNamespace,
  ofTrustDomain,
  path as pathCondition,
  principal,
  requestPrincipal,
  serviceAccount,
  templateProblem,
} from "./authorization-values.ts";
import { type Attribute, attributeOf, CONDITION_KEYS, needsAuthentication, readPort } from "./authorization-when.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";

interface RuleContext extends Reading {
  readonly action: ActionSpec;
}

export function readRule(spec: RuleSpec, path: string, context: RuleContext): AuthorizationRule {
  const { reporter } = context;
  const empty = (["from", "to", "when"] as const).filter((field) => spec[field]?.length === 0);
  for (const field of empty) reporter.report(joinPath(path, field), diagnostics.emptyClause(field));
  if (context.action === "DENY" && asksRequestsAlone(spec)) reporter.report(path, refusals.bytesDeniedToo());
  const sources = spec.from?.map(({ source }, i) => readSource(source, `${path}.from[${i}].source`, context));
  const operations = spec.to?.map(({ operation }, i) =>
    readOperation(operation, `${path}.to[${i}].operation`, context),
  );
  const conditions = (spec.when ?? []).map((condition, i) => readWhen(condition, `${path}.when[${i}]`, context));
  return {
    subject: all([...(sources ? [some(sources)] : []), ...conditions.flatMap((condition) => condition.subject ?? [])]),
    operation: all([
      ...(operations ? [some(operations)] : []),
      ...conditions.flatMap((condition) => condition.operation ?? []),
    ]),
  };
}

/** What a connection shows without a request in it. */
const OF_BYTES = ["principals", "namespaces", "serviceAccounts", "ipBlocks", "remoteIpBlocks"] as const;

/** As Istio reckons it, without `when`. */
function asksRequestsAlone({ from = [], to = [] }: RuleSpec): boolean {
  if (to.length > 0) return to.every(({ operation }) => !operation.ports && !operation.notPorts);
  return (
    from.length > 0 && from.every(({ source }) => OF_BYTES.every((name) => !source[name] && !source[negation(name)]))
  );
}

function all<L>(conditions: readonly Condition<L>[]): Condition<L> {
  return conditions.length === 1 ? conditions[0]! : { kind: "all", conditions };
}

function some<L>(conditions: readonly Condition<L>[]): Condition<L> {
  return conditions.length === 1 ? conditions[0]! : { kind: "some", conditions };
}

/** One of `values`, and none of `others`. */
function among<L>(
  values: readonly string[] | undefined,
  others: readonly string[] | undefined,
  read: (value: string, negated: boolean, i: number) => Condition<L> | undefined,
): readonly Condition<L>[] {
  const positive = values?.map((value, i) => read(value, false, i)).filter((condition) => condition !== undefined);
  const negative = others?.map((value, i) => read(value, true, i)).filter((condition) => condition !== undefined);
  return [
    ...(positive && positive.length > 0 ? [some(positive)] : []),
    ...(negative && negative.length > 0 ? [{ kind: "not", condition: some(negative) } as const] : []),
  ];
}

/** What is authenticated by the mesh itself comes after the authorizer is asked, who could be told nothing of it. */
const AUTHENTICATED = [
  "principals",
  "requestPrincipals",
  "namespaces",
  "serviceAccounts",
  "trustDomains",
] as const satisfies readonly (keyof SourceSpec)[];

function negation<F extends string>(field: F): `not${Capitalize<F>}` {
  return `not${field[0]!.toUpperCase()}${field.slice(1)}` as `not${Capitalize<F>}`;
}

function readSource(spec: SourceSpec, path: string, context: RuleContext): SubjectCondition {
  const { reporter, settings, namespace, action } = context;
  if (Object.keys(spec).length === 0) reporter.report(path, diagnostics.emptyClause("source"));
  for (const field of AUTHENTICATED.flatMap((name) => [name, negation(name)] as const))
    if (action === "CUSTOM" && spec[field])
      reporter.report(joinPath(path, field), diagnostics.customAsksIdentity(field));
  if (
    (spec.serviceAccounts || spec.notServiceAccounts) &&
    (spec.principals || spec.notPrincipals || spec.namespaces || spec.notNamespaces)
  )
    reporter.report(joinPath(path, "serviceAccounts"), diagnostics.serviceAccountsWithOthers());
  const field = (
    name: (typeof AUTHENTICATED)[number] | "ipBlocks" | "remoteIpBlocks",
    read: (value: string) => SubjectCondition,
  ): readonly SubjectCondition[] => among<SubjectLeaf>(spec[name], spec[negation(name)], read);
  return all([
    ...field("ipBlocks", (range) => ({ kind: "address", of: "peer", range })),
    ...field("remoteIpBlocks", (range) => ({ kind: "address", of: "client", range })),
    ...field("namespaces", ofNamespace),
    ...field("trustDomains", ofTrustDomain),
    ...among<SubjectLeaf>(spec.serviceAccounts, spec.notServiceAccounts, (value, negated, i) => {
      const condition = serviceAccount(value, namespace);
      const at = `${path}.${negated ? "notServiceAccounts" : "serviceAccounts"}[${i}]`;
      if (!condition) reporter.report(at, diagnostics.badServiceAccount(value));
      return condition;
    }),
    ...field("principals", (value) => principal(value, settings)),
    ...field("requestPrincipals", requestPrincipal),
  ]);
}

function readOperation(spec: OperationSpec, path: string, { reporter }: RuleContext): OperationCondition {
  if (Object.keys(spec).length === 0) reporter.report(path, diagnostics.emptyClause("operation"));
  const field = (
    name: "hosts" | "ports" | "methods" | "paths",
    read: (value: string, path: string) => OperationCondition | undefined,
  ): readonly OperationCondition[] =>
    among<OperationLeaf>(spec[name], spec[negation(name)], (value, negated, i) =>
      read(value, `${path}.${negated ? negation(name) : name}[${i}]`),
    );
  return all([
    ...field("hosts", host),
    ...field("ports", (value, at) => {
      const condition = readPort(value);
      if (!condition) reporter.report(at, diagnostics.badPort(value));
      return condition;
    }),
    ...field("methods", method),
    ...field("paths", (value, at) => {
      const problem = isTemplate(value) ? templateProblem(value) : undefined;
      if (problem) reporter.report(at, diagnostics.badTemplate(value, problem));
      return pathCondition(value);
    }),
  ]);
}

interface Read {
  readonly subject?: SubjectCondition;
  readonly operation?: OperationCondition;
}

function readWhen(spec: ConditionSpec, path: string, context: RuleContext): Read {
  const { key, values, notValues } = spec;
  const { reporter, action } = context;
  const attribute = attributeOf(key, context);
  if (!attribute) {
    reporter.report(joinPath(path, "key"), diagnostics.unknownConditionKey(key, CONDITION_KEYS));
    return {};
  }
  if (action === "CUSTOM" && needsAuthentication(key))
    reporter.report(joinPath(path, "key"), diagnostics.customAsksIdentity(key));
  const header = /^request\.headers\[(.*)\]$/.exec(key)?.[1];
  // Of the pseudo headers Istio's own documents use :method and its like.
  if (header !== undefined && !isHeaderName(header.replace(/^:/, "")))
    reporter.report(joinPath(path, "key"), common.badHeaderName(header));
  if ((values?.length ?? 0) + (notValues?.length ?? 0) === 0)
    reporter.report(path, diagnostics.conditionWithoutValues(key));
  return attribute.of === "subject"
    ? { subject: all(among<SubjectLeaf>(values, notValues, reader(attribute, key, path, context))) }
    : { operation: all(among<OperationLeaf>(values, notValues, reader(attribute, key, path, context))) };
}

function reader<C>(
  attribute: { readonly of: Attribute["of"]; readonly read: (value: string) => C | undefined },
  key: string,
  path: string,
  { reporter }: RuleContext,
): (value: string, negated: boolean, i: number) => C | undefined {
  return (value, negated, i) => {
    const at = `${path}.${negated ? "notValues" : "values"}[${i}]`;
    const wantsRange = key.endsWith(".ip");
    if (wantsRange && !parseCidr(value)) {
      reporter.report(at, common.badAddress(key, value, "IP address or range (10.0.0.0/8)"));
      return undefined;
    }
    const condition = attribute.read(value);
    if (condition === undefined)
      reporter.report(
        at,
        key === "destination.port" ? diagnostics.badPort(value) : diagnostics.badServiceAccount(value),
      );
    return condition;
  };
}
