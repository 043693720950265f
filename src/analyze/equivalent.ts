// What the dialects and the model find → the codes that Istio and Kiali have for the same thing. Heddle's own stays beside it.

import type { Diagnostic } from "../base/diagnostic.ts";
import type { SourceObject } from "../dialect/object.ts";
import { CODES, type Code, type Finding, infoOf } from "./code.ts";
import { INTERNAL } from "./virtual-service/gateways.ts";

const BY_CODE: Readonly<Record<string, Code>> = {
  HED1113: "IST0122",
  HED1205: "IST0130",
  HED1209: "IST0101",
  HED1221: "KIA0201",
  HED1222: "KIA0201",
  HED1223: "KIA0201",
  HED1310: "IST0101",
  HED1311: "IST0132",
  HED2001: "IST0101",
  HED2002: "IST0101",
  HED2003: "IST0101",
  HED2004: "IST0112",
  HED2005: "IST0109",
  HED2007: "IST0174",
  HED2008: "IST0173",
  HED2009: "KIA0002",
  HED2010: "IST0113",
  HED2013: "IST0109",
  HED2014: "KIA0002",
};

/** Fields of Istio's kinds that have no effect as they stand: Istio's webhook warns of the like. */
const SCHEMA_WARNINGS: ReadonlySet<string> = new Set([
  "HED1203",
  "HED1207",
  "HED1217",
  "HED1220",
  "HED1224",
  "HED1225",
  "HED1245",
  "HED1252",
  "HED1623",
]);

/** Of the envelope and of what Heddle does not do yet: Istio knows nothing of these. */
const HEDDLES_OWN = /^HED(?:10\d\d|1235|1237|1790)$/;

/** `object`: undefined for what is wrong with a file. Severities only rise: what Heddle refuses is an error whatever Istio calls it. */
export function equivalent(diagnostic: Diagnostic, object: SourceObject | undefined): Finding {
  const code = codeFor(diagnostic, object);
  if (code === undefined) return diagnostic;
  const { level } = CODES[code];
  const severity = diagnostic.severity === "error" ? "error" : level;
  return { ...diagnostic, code, severity, message: prefixed(code, diagnostic), also: [diagnostic.code] };
}

function codeFor(
  { code, severity, message, path = "" }: Diagnostic,
  object: SourceObject | undefined,
): Code | undefined {
  if (code === "HED1310" && message.includes(INTERNAL)) return "IST0165";
  if (code === "HED1202" && path.endsWith("[0].weight")) return "KIA1104";
  const known = BY_CODE[code];
  // A subset that one rule defines twice is refused; one that two rules define is a conflict.
  if (known !== undefined && !(code === "HED1221" && severity === "error")) return known;
  if (!object?.origin.group.endsWith(".istio.io")) return undefined;
  if (SCHEMA_WARNINGS.has(code)) return "IST0133";
  const isSchema = severity === "error" && code.startsWith("HED1") && !HEDDLES_OWN.test(code);
  return isSchema && message !== "" ? "IST0106" : undefined;
}

/** As Istio's templates have it, so that a search for the sentence finds it. */
function prefixed(code: Code, { code: own, message }: Diagnostic): string {
  if (own === "HED2003") return `Referenced host:port not found: ${message}`;
  if (code === "IST0106") return `Schema validation error: ${message}`;
  return code === "IST0133" ? `Schema validation warning: ${message}` : message;
}

/** A code for whatever is nowhere: what that is decides what others call it. */
const REFERENCES: readonly (readonly [path: RegExp, also: readonly string[]])[] = [
  [/\.host$/, ["KIA1101", "HED2001"]],
  [/\.subset$/, ["KIA1107", "HED2002"]],
  [/gateways\[\d+\]$/, ["KIA1102"]],
  [/^spec\.selector$/, ["KIA0302"]],
  [/(?:^spec\.selector\.matchLabels|^spec\.workloadSelector\.labels)$/, ["KIA0004"]],
  [/\.(?:namespaces|notNamespaces)\[\d+\]$/, ["KIA0101"]],
  [/\.port(?:\.number)?$/, ["HED2003"]],
  [/\.delegate$/, ["HED1209"]],
];

/** All codes that one finding goes by, the catalogue's included. */
export function withAliases(found: Finding): Finding {
  const { code, path = "" } = found;
  const others =
    code === "IST0101"
      ? REFERENCES.flatMap(([pattern, codes]) => (pattern.test(path) ? codes : []))
      : (infoOf(code)?.also ?? []);
  const also = [...new Set([...others, ...(found.also ?? [])])].filter((other) => other !== code);
  return also.length === 0 ? found : { ...found, also };
}
