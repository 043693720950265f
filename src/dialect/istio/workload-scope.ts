// `selector` and `targetRefs` of the security kinds → the workloads that a policy is for.

import type { WorkloadScope } from "../../model/workload-scope.ts";
import { bounded, list, notEmpty, record, required, text, textOrUnset, type Value } from "../schema.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { checkSelector } from "./selector.ts";
import { WORKLOAD_SELECTOR } from "./selector-schema.ts";
import { targetOfGroup } from "./validation-diagnostics.ts";

const TARGET = record({
  group: bounded(253, text()),
  kind: required(bounded(63, notEmpty())),
  name: required(bounded(253, notEmpty())),
  namespace: textOrUnset(),
});

export const SCOPE_FIELDS = {
  selector: WORKLOAD_SELECTOR,
  targetRef: TARGET,
  targetRefs: bounded(16, list(TARGET)),
};

/** Kinds of targets that are services. */
const SERVICES = ["Service", "ServiceEntry"];

/** Of the Gateway API. */
const GATEWAYS = ["Gateway", "GatewayClass"];

const GATEWAY_API = "gateway.networking.k8s.io";

/** What can be a target, with its groups: "" is the group of Kubernetes' own kinds. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  Service: ["", "core"],
  ServiceEntry: ["networking.istio.io"],
  Gateway: [GATEWAY_API],
  GatewayClass: [GATEWAY_API],
};

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
    targets.forEach(({ group = "", kind, namespace: other }, i) => {
      const groups = GROUPS[kind];
      if (!groups) reporter.report(`${at(i)}.kind`, diagnostics.targetNotSupported(kind));
      else if (!groups.includes(group)) reporter.report(at(i), targetOfGroup(kind, group, groups));
      else if (GATEWAYS.includes(kind)) reporter.report(at(i), refusals.targetOfGateways(kind));
      if (other !== undefined) reporter.report(`${at(i)}.namespace`, diagnostics.targetElsewhere());
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
