// What controllers have written into the status of an object, and what its author has asked not to hear.

import { isObject, type JsonObject } from "../../dialect/object.ts";
import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding, infoOf } from "../code.ts";
import { NOT_COVERED } from "../codes/not-covered.ts";
import { suppressedCodes } from "../suppress.ts";

const GROUPS = /(?:\.istio\.io|^gateway\.networking\.k8s\.io)$/;

/** Of Kubernetes' own kinds the conditions that Istio writes. */
const OF_ISTIO = /^istio\.io\//;

/** Conditions that tell what is wrong: False is good. Heddle's own, and the Gateway API's. */
const BAD_WHEN_TRUE: readonly unknown[] = ["Conflicted", "PartiallyInvalid", "OverlappingTLSConfig"];

export const conditions: ObjectAnalyzer = {
  name: "conditions.ConditionAnalyzer",
  about: "no condition of a status says that something is wrong",
  codes: ["IST0171"],
  scope: "object",
  analyze(object, report) {
    const isWhole = GROUPS.test(object.origin.group);
    for (const { condition, path } of conditionsOf(object.value.status)) {
      const { type, reason, message } = condition;
      if (!isBad(condition) || !(isWhole || OF_ISTIO.test(String(type)))) continue;
      report(
        object,
        path,
        finding(
          "IST0171",
          `A condition with a negative status is present: type=${String(type)}, reason=${String(reason ?? "")}, message=${String(message ?? "")}`,
        ),
      );
    }
  },
};

interface PlacedCondition {
  readonly condition: JsonObject;
  readonly path: string;
}

/** The object's own, and those of a route for each of its parents. */
function conditionsOf(status: unknown): readonly PlacedCondition[] {
  if (!isObject(status)) return [];
  const parents = Array.isArray(status.parents) ? (status.parents as readonly unknown[]) : [];
  return [
    ...listed(status.conditions, "status.conditions"),
    ...parents.flatMap((parent, i) =>
      isObject(parent) ? listed(parent.conditions, `status.parents[${i}].conditions`) : [],
    ),
  ];
}

function listed(conditions: unknown, path: string): readonly PlacedCondition[] {
  if (!Array.isArray(conditions)) return [];
  return (conditions as readonly unknown[]).flatMap((condition, i) =>
    isObject(condition) ? [{ condition, path: `${path}[${i}]` }] : [],
  );
}

/** A waypoint that takes a part of a policy says so in the reason of what is True. */
function isBad({ type, reason, status }: JsonObject): boolean {
  if (type === "WaypointAccepted" && reason === "PartiallyInvalid") return true;
  return status === (BAD_WHEN_TRUE.includes(type) ? "True" : "False");
}

export const suppressions: ObjectAnalyzer = {
  name: "annotations.SuppressionAnalyzer",
  about: "codes that an object suppresses exist",
  codes: ["HED1322"],
  scope: "object",
  analyze(object, report) {
    for (const code of suppressedCodes(object)) {
      const isKnown = code === "*" || infoOf(code) || /^(?:HED|KIA|IST)\d{4}$/.test(code);
      if (isKnown || NOT_COVERED.some((each) => each.code === code)) continue;
      report(
        object,
        'metadata.annotations["galley.istio.io/analyze-suppress"]',
        finding("HED1322", `there is no code ${JSON.stringify(code)}: nothing is suppressed by it`, "IST0101, or *"),
      );
    }
  },
};
