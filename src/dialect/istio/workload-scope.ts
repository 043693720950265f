// `selector` and `targetRefs` of the security kinds → the workloads that a policy is for.

import type { WorkloadScope } from "../../model/workload-scope.ts";
import { list, mapOf, notEmpty, record, required, text, textOrUnset, type Value } from "../schema.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { checkSelector } from "./selector.ts";

const TARGET = record({
  group: text(),
  kind: required(notEmpty()),
  name: required(notEmpty()),
  namespace: textOrUnset(),
});

export const SCOPE_FIELDS = {
  selector: record({ matchLabels: mapOf(text("label-value"), "label-key") }),
  targetRef: TARGET,
  targetRefs: list(TARGET),
};

/** Kinds of targets that are services. */
const SERVICES = ["Service", "ServiceEntry"];

/** Of the Gateway API. */
const GATEWAYS = ["Gateway", "GatewayClass"];

/** At most one of them. */
export const SCOPE_GROUP = ["selector", "targetRef", "targetRefs"] as const;

interface ScopeSpec {
  readonly selector?: Value<(typeof SCOPE_FIELDS)["selector"]>;
  readonly targetRef?: Value<typeof TARGET>;
  readonly targetRefs?: readonly Value<typeof TARGET>[];
}

/**
 * A policy of a root namespace is for all of the mesh, its selector too. Services are targets of waypoints and never of sidecars, whatever
 * workloads are behind them (policyattachment.go).
 */
export function readScope(spec: ScopeSpec, { namespace, settings, reporter }: Reading): WorkloadScope | undefined {
  const targets = spec.targetRefs ?? (spec.targetRef ? [spec.targetRef] : []);
  if (targets.length > 0) {
    const at = (i: number) => (spec.targetRefs ? `spec.targetRefs[${i}]` : "spec.targetRef");
    targets.forEach(({ kind, namespace: other = namespace }, i) => {
      if (GATEWAYS.includes(kind)) reporter.report(at(i), refusals.targetOfGateways(kind));
      else if (!SERVICES.includes(kind)) reporter.report(`${at(i)}.kind`, diagnostics.targetNotSupported(kind));
      if (other !== namespace) reporter.report(`${at(i)}.namespace`, diagnostics.targetElsewhere(namespace));
    });
    if (targets.every(({ kind }) => SERVICES.includes(kind))) reporter.report(at(0), diagnostics.targetsOfWaypoints());
    return { kind: "services", services: targets.map(({ name }) => ({ namespace, name })) };
  }
  checkSelector(spec.selector && (spec.selector.matchLabels ?? {}), "spec.selector", reporter);
  const labels = spec.selector?.matchLabels ?? {};
  return settings.rootNamespaces.includes(namespace)
    ? { kind: "mesh", labels }
    : { kind: "namespace", namespace, labels };
}
