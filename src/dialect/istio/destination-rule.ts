// DestinationRule → client policies. Rules of one host in one namespace are merged; those of several namespaces never are.

import type { ClientPolicy, ScopedSettings, Subset } from "../../model/client-policy.ts";
import { sameItems } from "../../model/equality.ts";
import { file } from "../../model/label-index.ts";
import { byAge } from "../../model/origin.ts";
import { decodeObject } from "../decode.ts";
import { visibilityOf } from "../export-to.ts";
import { DESTINATION_RULE } from "./destination-rule-schema.ts";
import * as diagnostics from "./diagnostics.ts";
import { checkExportTo } from "./export-to.ts";
import type { Finding, Joined, Report } from "./joined.ts";
import { resolveHost } from "./names.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { checkSelector } from "./selector.ts";
import { mergeSubset, readTrafficPolicy } from "./traffic-policy.ts";

/** A rule by itself. Its subsets have only what they say, not yet what they inherit. */
export interface DestinationRuleDraft extends ClientPolicy {
  readonly hasTrafficPolicy: boolean;
}

export function readDestinationRule(reading: Reading): DestinationRuleDraft | undefined {
  const { object, origin, namespace, settings, reporter } = reading;
  const spec = decodeObject(DESTINATION_RULE, object, reporter)?.spec;
  if (!spec) return undefined;
  checkExportTo(spec.exportTo, reading);
  const labels = spec.workloadSelector && (spec.workloadSelector.matchLabels ?? {});
  checkSelector(labels, "spec.workloadSelector", reporter);
  if (labels && (spec.exportTo ?? []).some((name) => name !== "." && name !== namespace))
    reporter.report("spec.exportTo", refusals.exportOfSelection());
  const subsets = (spec.subsets ?? []).map((subset, i): Subset => {
    const policy = readTrafficPolicy(subset.trafficPolicy, `spec.subsets[${i}].trafficPolicy`, reporter);
    return { name: subset.name, labels: subset.labels ?? {}, origin, ...policy };
  });
  const names = new Set<string>();
  for (const [i, { name }] of subsets.entries()) {
    if (names.has(name)) reporter.report(`spec.subsets[${i}].name`, diagnostics.duplicateSubset(name, undefined));
    names.add(name);
  }
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
export function linkClientPolicies(drafts: readonly DestinationRuleDraft[]): Joined<ClientPolicy> {
  const groups = new Map<string, DestinationRuleDraft[]>();
  const selecting: DestinationRuleDraft[] = [];
  for (const draft of [...drafts].sort(byAge)) {
    if (draft.clients) selecting.push(draft);
    else file(groups, `${draft.namespace} ${draft.host}`, draft);
  }
  const joined = [...groups.values(), ...selecting.map((draft) => [draft])].map(linked);
  return { items: joined.flatMap(({ items }) => items), findings: joined.flatMap(({ findings }) => findings) };
}

interface Linked extends Joined<ClientPolicy> {
  readonly rules: readonly DestinationRuleDraft[];
}

/** By the oldest rule, what it and the others came to the last time. */
const known = new WeakMap<DestinationRuleDraft, Linked>();

/** Rules of one namespace and host, the oldest first. */
function linked(rules: readonly DestinationRuleDraft[]): Linked {
  const oldest = rules[0]!;
  const before = known.get(oldest);
  if (before && sameItems(before.rules, rules)) return before;
  const findings: Finding[] = [];
  const report: Report = (origin, path, message) => void findings.push({ origin, path, message });
  /** By exportTo. */
  const merged = new Map<string, MergedRules>();
  for (const rule of rules) addTo(merged, rule, report);
  const policies = oldest.clients ? [oldest] : [...merged.values()].map(({ draft }) => draft);
  const made = { rules, items: policies.map(finish), findings };
  known.set(oldest, made);
  return made;
}

/** One more, younger rule for a namespace's host. */
function addTo(group: Map<string, MergedRules>, rule: DestinationRuleDraft, report: Report): void {
  const visibility = JSON.stringify(rule.visibility);
  const same = group.get(visibility);
  if (same) {
    same.add(rule, report);
    return;
  }
  const other = group.values().next().value;
  if (other) report(rule.origin, "spec.exportTo", diagnostics.otherExport(other.oldest.origin));
  group.set(visibility, new MergedRules(rule));
}

class MergedRules {
  readonly oldest: DestinationRuleDraft;
  /** Whose traffic policy holds. */
  #source: DestinationRuleDraft;
  readonly #subsets = new Map<string, Subset>();

  constructor(oldest: DestinationRuleDraft) {
    this.oldest = oldest;
    this.#source = oldest;
    for (const subset of oldest.subsets) this.#subsets.set(subset.name, subset);
  }

  add(younger: DestinationRuleDraft, report: Report): void {
    for (const [i, subset] of younger.subsets.entries()) {
      const other = this.#subsets.get(subset.name);
      if (other)
        report(younger.origin, `spec.subsets[${i}].name`, diagnostics.duplicateSubset(subset.name, other.origin));
      else this.#subsets.set(subset.name, subset);
    }
    if (!this.#source.hasTrafficPolicy) this.#source = younger;
    else if (younger.hasTrafficPolicy)
      report(younger.origin, "spec.trafficPolicy", diagnostics.policyOverridden(this.oldest.origin));
  }

  get draft(): DestinationRuleDraft {
    const { settings, ports, hasTrafficPolicy } = this.#source;
    return { ...this.oldest, settings, ports, hasTrafficPolicy, subsets: [...this.#subsets.values()] };
  }
}

/** Subsets inherit only now: from the traffic policy that was kept, whoever brought it. */
function finish(draft: DestinationRuleDraft): ClientPolicy {
  const { hasTrafficPolicy: _, subsets, ...policy } = draft;
  const scope: ScopedSettings = policy;
  return { ...policy, subsets: subsets.map((subset) => ({ ...subset, ...mergeSubset(scope, subset) })) };
}
