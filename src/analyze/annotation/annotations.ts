// Annotations of Istio's: whether they exist, are for this kind, say something, and are here to stay.

import { parseAddress, parseCidr } from "../../base/cidr.ts";
import { parseDuration } from "../../base/duration.ts";
import { nearest } from "../../base/nearest.ts";
import { READ_LIMITS } from "../../dialect/limits.ts";
import type { SourceObject } from "../../dialect/object.ts";
import { isObject } from "../../dialect/object.ts";
import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { configInVain, inVain } from "./effect.ts";
import { ANNOTATIONS, type Annotation, type AnnotationCheck } from "./table.ts";

/** Kinds whose template is a Pod's. */
const TEMPLATES = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"];

export const annotationsAnalyzer: ObjectAnalyzer = {
  name: "annotations.K8sAnalyzer",
  about: "annotations of Istio's exist, fit their kind, have a value that says something, and an effect",
  codes: ["IST0107", "IST0108", "IST0125", "IST0135", "IST0136", "HED1326", "HED1327"],
  scope: "object",
  analyze(object, report) {
    for (const { kind, annotations, path } of placesOf(object)) {
      let unknowns = 0;
      for (const [name, value] of Object.entries(annotations)) {
        if (typeof value !== "string" || !isIstios(name)) continue;
        const at = `${path}[${JSON.stringify(name)}]`;
        const known = ANNOTATIONS.get(name);
        // The nearest name costs more than all else of an annotation, and nobody reads on.
        if (!known && unknowns++ >= READ_LIMITS.findings) continue;
        if (!known) report(object, at, unknown(name));
        else
          for (const message of problemsOf(name, value, known, { kind, object: object.origin.kind }))
            report(object, at, message);
      }
    }
  },
};

interface Place {
  readonly kind: string;
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly path: string;
}

function placesOf(object: SourceObject): readonly Place[] {
  const { kind } = object.origin;
  const own: Place = { kind, annotations: object.annotations, path: "metadata.annotations" };
  const { spec } = object.value;
  // What the entries of its workloads have.
  if (kind === "WorkloadGroup" && isObject(spec) && isObject(spec.metadata) && isObject(spec.metadata.annotations))
    return [own, { kind: "Pod", annotations: spec.metadata.annotations, path: "spec.metadata.annotations" }];
  const template = TEMPLATES.includes(kind) && isObject(spec) ? spec.template : undefined;
  const metadata = isObject(template) ? template.metadata : undefined;
  const annotations = isObject(metadata) ? metadata.annotations : undefined;
  if (!isObject(annotations)) return [own];
  return [own, { kind: "Pod", annotations, path: "spec.template.metadata.annotations" }];
}

/** Documented by Istio for its ingress, though Kubernetes' own. */
const INGRESS_CLASS = "kubernetes.io/ingress.class";

function isIstios(name: string): boolean {
  if (name === INGRESS_CLASS) return true;
  const [domain = ""] = name.split("/");
  return (domain === "istio.io" || domain.endsWith(".istio.io")) && !domain.endsWith("operator.istio.io");
}

function unknown(name: string) {
  return finding("IST0108", `Unknown annotation: ${name}`, nearest(name, ANNOTATIONS.keys()));
}

function problemsOf(
  name: string,
  value: string,
  known: Annotation,
  { kind, object }: { readonly kind: string; readonly object: string },
) {
  const found: ReturnType<typeof finding>[] = [];
  // Of another class an Ingress is another controller's.
  if (name === INGRESS_CLASS && known.kinds.includes(kind) && value !== "istio") return found;
  const effects = name === "proxy.istio.io/config" ? configInVain(value) : inVain(name, kind, object);
  if (known.kinds.length > 0 && !known.kinds.includes(kind))
    found.push(
      finding(
        "IST0107",
        `Misplaced annotation: ${name} can only be applied to ${known.kinds.join(", ")}`,
        known.kinds[0] === "Pod" ? "spec.template.metadata.annotations" : undefined,
      ),
    );
  const problem = CHECKS[known.check](value);
  if (problem !== undefined) found.push(finding("IST0125", `Invalid annotation ${name}: ${problem}`));
  if (known.feature === "deprecated")
    found.push(
      finding(
        "IST0135",
        `Annotation ${JSON.stringify(name)} has been deprecated${known.instead ? ` in favor of ${known.instead}` : ""} and may not work in future Istio versions`,
        known.instead,
      ),
    );
  if (found.length === 0 && known.feature === "alpha") found.push(alpha(name));
  return found.some(({ code }) => code === "IST0107" || code === "IST0125") ? found : [...found, ...effects];
}

function alpha(name: string) {
  return finding(
    "IST0136",
    `Annotation ${JSON.stringify(name)} is part of an alpha-phase feature and may be incompletely supported`,
  );
}

const LOG_LEVELS = ["trace", "debug", "info", "warning", "warn", "error", "critical", "off", "none", "fatal"];

const CHECKS: Readonly<Record<AnnotationCheck, (value: string) => string | undefined>> = {
  any: () => undefined,
  bool: (value) => (/^(?:true|false|1|0|t|f)$/i.test(value) ? undefined : `${quoted(value)} is not true or false`),
  ports: (value) => eachOf(value, isPort, "a port"),
  "ports-or-all": (value) => (value === "*" ? undefined : eachOf(value, isPort, "a port, and not *")),
  ranges: (value) => eachOf(value, isRange, "a range of addresses"),
  "ranges-or-all": (value) => (value === "*" ? undefined : eachOf(value, isRange, "a range of addresses, and not *")),
  number: (value) => (/^\d{1,9}$/.test(value) ? undefined : `${quoted(value)} is not a number`),
  duration: (value) => (parseDuration(value) === undefined ? `${quoted(value)} is not a duration` : undefined),
  mode: (value) =>
    ["REDIRECT", "TPROXY", "NONE"].includes(value) ? undefined : `${quoted(value)} is not REDIRECT, TPROXY or NONE`,
  "log-level": (value) => (LOG_LEVELS.includes(value) ? undefined : `${quoted(value)} is no level of a log`),
};

function quoted(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
}

function eachOf(value: string, isOne: (entry: string) => boolean, wanted: string): string | undefined {
  const wrong = value
    .split(",")
    .map((entry) => entry.trim())
    .find((entry) => entry !== "" && !isOne(entry));
  return wrong === undefined ? undefined : `${quoted(wrong)} is not ${wanted}`;
}

function isPort(entry: string): boolean {
  return /^\d{1,5}$/.test(entry) && Number(entry) >= 1 && Number(entry) <= 65_535;
}

function isRange(entry: string): boolean {
  return entry.includes("/") ? parseCidr(entry) !== undefined : parseAddress(entry) !== undefined;
}
