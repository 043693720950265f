// Findings that somebody does not want: by an annotation on the object, or by the command line.

import type { SourceObject } from "../dialect/object.ts";
import { codesOf, type Finding } from "./code.ts";

/** Istio's, and Kiali's of which no value means everything. */
const ISTIO_ANNOTATION = "galley.istio.io/analyze-suppress";
const KIALI_ANNOTATION = "kiali.io/ignore-validations";

/** Asked for each finding. */
const known = new WeakMap<SourceObject, ReadonlySet<string>>();

/** Codes that an object wants no findings of; "*" is all. */
export function suppressedCodes(object: SourceObject): ReadonlySet<string> {
  const before = known.get(object);
  if (before) return before;
  const { annotations } = object;
  const kiali = annotations[KIALI_ANNOTATION];
  const all = [...codes(annotations[ISTIO_ANNOTATION] ?? ""), ...(kiali === "" ? ["*"] : codes(kiali ?? ""))];
  const suppressed = new Set(all);
  known.set(object, suppressed);
  return suppressed;
}

function codes(text: string): readonly string[] {
  return text
    .split(",")
    .map((code) => code.trim())
    .filter((code) => code !== "");
}

export function isSuppressedBy(suppressed: ReadonlySet<string>, found: Finding): boolean {
  return suppressed.has("*") || codesOf(found).some((code) => suppressed.has(code));
}

/** `IST0102=Namespace shop`, `IST0108=VirtualService *.shop`: a code, a kind, and a name with its namespace, `*` for any part of them. */
export interface Suppression {
  readonly code: string;
  readonly kind: string;
  /** `name.namespace`, or a name alone for what is in no namespace. */
  readonly name: RegExp;
}

/** Undefined when the text is none. */
export function parseSuppression(text: string): Suppression | undefined {
  const [, code, kind, name] = /^([A-Z]{3}\d{4}|\*)=(\S+) (\S+)$/.exec(text.trim()) ?? [];
  if (code === undefined || kind === undefined || name === undefined) return undefined;
  const pattern = name.split("*").map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return { code, kind, name: new RegExp(`^${pattern.join(".*")}$`) };
}

export function isSuppressed(found: Finding, { code, kind, name }: Suppression): boolean {
  const { object } = found;
  if (!object || (code !== "*" && !codesOf(found).includes(code))) return false;
  if (kind !== "*" && kind.toLowerCase() !== object.kind.toLowerCase()) return false;
  return name.test(`${object.name}.${object.namespace}`) || (object.kind === "Namespace" && name.test(object.name));
}
