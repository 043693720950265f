// What controllers have written into the status of an object, and what its author has asked not to hear.

import { isObject } from "../../dialect/object.ts";
import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding, infoOf } from "../code.ts";
import { NOT_COVERED } from "../codes/not-covered.ts";
import { suppressedCodes } from "../suppress.ts";

const GROUPS = /(?:\.istio\.io|^gateway\.networking\.k8s\.io)$/;

/** Conditions that tell what is wrong: False is good. Heddle's own, and the Gateway API's. */
const BAD_WHEN_TRUE: readonly unknown[] = ["Conflicted", "PartiallyInvalid", "OverlappingTLSConfig"];

export const conditions: ObjectAnalyzer = {
  name: "conditions.ConditionAnalyzer",
  about: "no condition of a status says that something is wrong",
  codes: ["IST0171"],
  scope: "object",
  analyze(object, report) {
    const { status } = object.value;
    if (!GROUPS.test(object.origin.group) || !isObject(status) || !Array.isArray(status.conditions)) return;
    for (const [i, condition] of (status.conditions as readonly unknown[]).entries()) {
      if (!isObject(condition)) continue;
      const { type, reason, message, status: is } = condition;
      if (is !== (BAD_WHEN_TRUE.includes(type) ? "True" : "False")) continue;
      report(
        object,
        `status.conditions[${i}]`,
        finding(
          "IST0171",
          `A condition with a negative status is present: type=${String(type)}, reason=${String(reason ?? "")}, message=${String(message ?? "")}`,
        ),
      );
    }
  },
};

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
