// DestinationRule → client policies. Rules of one host in one namespace are merged; those of several namespaces never are.

import type { ClientPolicy, ScopedSettings, Subset } from "../../model/client-policy.ts";
import { byAge } from "../../model/origin.ts";
import { decodeObject } from "../decode.ts";
import { visibilityOf } from "../export-to.ts";
import { DESTINATION_RULE } from "./destination-rule-schema.ts";
import * as diagnostics from "./diagnostics.ts";
import { resolveHost } from "./names.ts";
import type { Reading } from "./reading.ts";
import type { Report } from "./routes.ts";
import { mergeSubset, readTrafficPolicy } from "./traffic-policy.ts";

/** A rule by itself. Its subsets have only what they say, not yet what they inherit. */
export interface DestinationRuleDraft extends ClientPolicy {
  readonly hasTrafficPolicy: boolean;
}

export function readDestinationRule({
  object,
  origin,
  namespace,
  settings,
  reporter,
}: Reading): DestinationRuleDraft | undefined {
  const spec = decodeObject(DESTINATION_RULE, object, reporter)?.spec;
  if (!spec) return undefined;
  const subsets = (spec.subsets ?? []).map((subset, i): Subset => {
    const policy = readTrafficPolicy(subset.trafficPolicy, `spec.subsets[${i}].trafficPolicy`, reporter);
    return { name: subset.name, labels: subset.labels ?? {}, origin, ...policy };
  });
  subsets.forEach((subset, i) => {
    const isRepeated = subsets.findIndex((other) => other.name === subset.name) < i;
    if (isRepeated) reporter.report(`spec.subsets[${i}].name`, diagnostics.duplicateSubset(subset.name, undefined));
  });
  const labels = spec.workloadSelector?.matchLabels;
  return {
    origin,
    createdAt: object.createdAt,
    namespace,
    host: resolveHost(spec.host, namespace, settings.clusterDomain),
    // A rule for chosen workloads holds in its own namespace alone.
    visibility: labels
      ? { kind: "namespaces", namespaces: [namespace] }
      : visibilityOf(spec.exportTo, namespace, settings.defaults.visibility.clientPolicies),
    clients: labels && { namespace, labels },
    ...readTrafficPolicy(spec.trafficPolicy, "spec.trafficPolicy", reporter),
    hasTrafficPolicy: spec.trafficPolicy !== undefined,
    subsets,
  };
}

/**
 * Merges rules of one namespace, host and exportTo: subsets are joined (of one name, the oldest counts), the oldest traffic policy
 * is kept. Rules with a workloadSelector stay by themselves.
 */
export function linkClientPolicies(drafts: readonly DestinationRuleDraft[], report: Report): readonly ClientPolicy[] {
  const groups = new Map<string, DestinationRuleDraft[]>();
  const selecting: DestinationRuleDraft[] = [];
  for (const draft of [...drafts].sort(byAge)) {
    if (draft.clients) selecting.push(draft);
    else {
      const key = `${draft.namespace} ${draft.host}`;
      groups.set(key, [...mergedInto(groups.get(key) ?? [], draft, report)]);
    }
  }
  return [...groups.values(), selecting].flat().map(finish);
}

/** The policies of one namespace and host with one more, younger rule among them. */
function mergedInto(
  policies: readonly DestinationRuleDraft[],
  rule: DestinationRuleDraft,
  report: Report,
): readonly DestinationRuleDraft[] {
  const visibility = JSON.stringify(rule.visibility);
  const same = policies.find((policy) => JSON.stringify(policy.visibility) === visibility);
  if (!same) {
    const [other] = policies;
    if (other) report(rule.origin, "spec.exportTo", diagnostics.otherExport(other.origin));
    return [...policies, rule];
  }
  return policies.map((policy) => (policy === same ? merge(policy, rule, report) : policy));
}

function merge(older: DestinationRuleDraft, younger: DestinationRuleDraft, report: Report): DestinationRuleDraft {
  const added = younger.subsets.filter((subset, i) => {
    const other = older.subsets.find((candidate) => candidate.name === subset.name);
    if (other)
      report(younger.origin, `spec.subsets[${i}].name`, diagnostics.duplicateSubset(subset.name, other.origin));
    return !other;
  });
  if (older.hasTrafficPolicy && younger.hasTrafficPolicy)
    report(younger.origin, "spec.trafficPolicy", diagnostics.policyOverridden(older.origin));
  const source = older.hasTrafficPolicy ? older : younger;
  return {
    ...older,
    settings: source.settings,
    ports: source.ports,
    hasTrafficPolicy: source.hasTrafficPolicy,
    subsets: [...older.subsets, ...added],
  };
}

/** Subsets inherit only now: from the traffic policy that was kept, whoever brought it. */
function finish(draft: DestinationRuleDraft): ClientPolicy {
  const { hasTrafficPolicy: _, subsets, ...policy } = draft;
  const scope: ScopedSettings = policy;
  return { ...policy, subsets: subsets.map((subset) => ({ ...subset, ...mergeSubset(scope, subset) })) };
}
