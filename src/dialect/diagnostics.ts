// What can be wrong with a file, an object or a field, whatever the dialect: one function a message, codes HED1000 to HED1199,
// sorted and never reused. Dialects add their own from HED1200 on, the model from HED2000 on.

import type { SourceSpan } from "../base/diagnostic.ts";
import { nearest } from "../base/nearest.ts";
import type { Message } from "../model/message.ts";

/** What nobody sees, or takes for a space. */
const UNSEEN = /[\u00a0\u00ad\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]/g;

/** A value as a person wrote it, short enough for a line. */
export function quote(value: unknown): string {
  const json = value === undefined ? "nothing" : JSON.stringify(value) || String(value);
  const text = json.replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

/** How large it is nobody knows: no more than the limit is read. */
export function fileTooLarge(limit: number): Message {
  return error("HED1001", `file is larger than ${limit} bytes, which is as much as is read`, "several smaller files");
}

export function tooManyDocuments(limit: number): Message {
  return error("HED1002", `file has more than ${limit} documents`, "several smaller files");
}

export function badEncoding(): Message {
  return error("HED1003", "file is not text in UTF-8 or UTF-16 from here on", "the file saved as UTF-8");
}

export function tooDeep(limit: number): Message {
  return error("HED1004", `document is nested deeper than ${limit} levels`);
}

export function expandsTooFar(): Message {
  return error("HED1005", "aliases (*name) expand to too many values, or to themselves", "the values written out");
}

export function yamlSyntax(problem: string, suggestion: string | undefined): Message {
  return error("HED1006", `not valid YAML: ${problem}`, suggestion);
}

export function duplicateKey(): Message {
  return error("HED1007", "the field stands twice in this object", "one of the two");
}

export function notAnObject(value: unknown): Message {
  const missingSpace = typeof value === "string" && /^[\w"'-]+:\S/.test(value);
  return error(
    "HED1008",
    `document is no object: ${quote(value)}`,
    missingSpace ? "a space after each colon" : "apiVersion, kind, metadata and spec",
  );
}

export function documentTooLarge(characters: number, limit: number): Message {
  return error("HED1009", `document is too large: ${characters} characters, at most ${limit} are read`);
}

export function unknownAlias(name: string): Message {
  return error("HED1010", `there is no anchor &${name} before this alias`, `"*${name}" in quotes, if it is a text`);
}

export function badMerge(): Message {
  return { ...error("HED1011", "only objects can be merged by <<"), part: "name" };
}

export function cannotRead(reason: string): Message {
  return error("HED1012", `cannot be read, what it said before stays in force: ${reason}`);
}

export function missingField(field: string, example: string, why?: string): Message {
  const problem = `object has no ${field}${why === undefined ? "" : `: ${why}`}`;
  return error("HED1020", problem, `${field.slice(field.lastIndexOf(".") + 1)}: ${example}`);
}

/** Groups of what clusters start. */
const RUNS: readonly string[] = ["apps", "batch"];

export function unknownKind(kind: string, group: string, kinds: readonly string[]): Message {
  const near = nearest(kind, kinds);
  return error(
    "HED1021",
    `unknown kind ${quote(kind)} in ${group === "" ? "the core group" : group}`,
    RUNS.includes(group)
      ? "`heddle run` starts programs; analyze, explain, describe and compile read manifests of them"
      : near
        ? `kind: ${near}`
        : `one of ${kinds.join(", ")}`,
  );
}

export function unknownApiVersion(apiVersion: string, known: readonly string[]): Message {
  const near = nearest(apiVersion, known);
  return error(
    "HED1022",
    `unknown apiVersion ${quote(apiVersion)}`,
    near ? `apiVersion: ${near}` : `one of ${known.join(", ")}`,
  );
}

export function badName(what: string, value: string): Message {
  return error(
    "HED1024",
    `${what} is not valid: ${quote(value)}`,
    'at most 253 lower-case letters, digits, "-" and ".", starting and ending with a letter or digit',
  );
}

export function foreignKind(apiVersion: string, kind: string): Message {
  const isInstaller = apiVersion.startsWith("install.istio.io/");
  return {
    ...(isInstaller ? { suggestion: "--mesh-config with this file, for the meshConfig in it" } : {}),
    code: "HED1025",
    severity: "info",
    message: `${kind} of ${apiVersion} is none of the kinds that Heddle reads: it has no effect on the mesh`,
  };
}

/** `first`: where the one that counts stands. */
export function duplicateObject(kind: string, first: SourceSpan | undefined): Message {
  const found = error(
    "HED1026",
    `this ${kind} is defined twice: the first one counts`,
    "one of the two, or another name",
  );
  return first ? { ...found, notes: [`the first is at ${first.file}:${first.line}:${first.column}`] } : found;
}

/** `winner`, `loser`: the sources. */
export function overruled(kind: string, winner: string, loser: string): Message {
  return {
    ...warning(
      "HED1027",
      `${loser} holds this ${kind}, too: ${winner} counts, and what is changed in ${loser} has no effect`,
    ),
    suggestion: "one of the two",
  };
}

/** `elsewhere`: the path of a field of that name in another record. */
export function unknownField(field: string, known: readonly string[], elsewhere?: string): Message {
  const near = nearest(field, known) ?? elsewhere;
  const listed = known.length === 1 ? known[0] : `one of ${known.join(", ")}`;
  const suggestion = near ?? (known.length <= 12 ? listed : undefined);
  return { ...error("HED1101", `unknown field ${quote(field)}`, suggestion), part: "name" };
}

/** For a value that YAML took for a number or (`y`, `no`, `on`) for a boolean: its text as written is gone. */
export const IN_QUOTES = "the value in quotes";

export function wrongType(field: string, wanted: string, value: unknown, example?: string): Message {
  return error("HED1102", `${field} must be ${wanted}: ${quote(value)}`, example);
}

export function notOneOf(field: string, value: string, choices: readonly string[]): Message {
  const near = nearest(value, choices);
  return error(
    "HED1103",
    `${field} must be one of ${choices.join(", ")}: ${quote(value)}`,
    near ? `${field}: ${near}` : undefined,
  );
}

/** Where the maximum is that of the type, it tells nobody anything. */
export const MAX_INT32 = 2 ** 31 - 1;

export function outOfRange(field: string, value: number, min: number, max: number): Message {
  const range = max >= MAX_INT32 && value < min ? `at least ${min}` : `from ${min} to ${max}`;
  return error("HED1104", `${field} must be ${range}: ${value}`);
}

export function requiredField(field: string): Message {
  return error("HED1105", `${field} is missing`);
}

export function exclusiveFields(fields: readonly string[]): Message {
  return error("HED1106", `only one of ${fields.join(", ")} may be set`, "one of them");
}

export function writtenTwice(field: string, alias: string): Message {
  return { ...error("HED1107", `${field} is written twice, as ${quote(alias)} too`, "one of the two"), part: "name" };
}

export function notSupportedYet(field: string, instead: string): Message {
  return { ...warning("HED1108", `${field} is not supported yet: ${instead}`), part: "name" };
}

export function badDuration(field: string, value: string): Message {
  return error(
    "HED1110",
    `${field} is no duration: ${quote(value)}`,
    'a number with its unit: "5s", "1.5s", "250ms", "1h30m"',
  );
}

export function durationTooShort(field: string, value: string, minMs: number): Message {
  return error(
    "HED1111",
    `${field} must be at least ${minMs} ms: ${quote(value)}`,
    minMs > 0 ? "no such field at all, for no limit" : undefined,
  );
}

export function badHost(field: string, value: string, problem: string): Message {
  return error("HED1112", `${field} is no host name: ${quote(value)} (${problem})`);
}

export function badRegex(field: string, value: string, problem: string): Message {
  return error("HED1113", `${field} is no RE2 regular expression: ${quote(value)} (${problem})`);
}

export function regexTooLong(field: string, length: number, limit: number): Message {
  return error("HED1114", `${field} is too long: ${length} characters, at most ${limit}`);
}

export function badAddress(field: string, value: string, wanted: string): Message {
  return error("HED1115", `${field} is no ${wanted}: ${quote(value)}`);
}

export function badLabel(key: string, value: string): Message {
  return error(
    "HED1116",
    `label is not valid: ${quote(`${key}: ${value}`)}`,
    'a key as "app" or "example.com/app"; a value of at most 63 letters, digits, "-", "_" and "."',
  );
}

export function badHeaderName(name: string): Message {
  return error("HED1117", `header name is not valid: ${quote(name)}`, 'letters, digits and "-"');
}

export function badHeaderValue(name: string, value: string): Message {
  return error(
    "HED1118",
    `value of header ${name} is not valid: ${quote(value)}`,
    'printable characters, a percent sign as "%%"',
  );
}

export function emptyValue(field: string): Message {
  return error("HED1119", `${field} is empty`);
}

export function badBase64(field: string, value: string): Message {
  return error("HED1120", `${field} is not in base64: ${quote(value)}`);
}

export function badDnsLabel(field: string, value: string): Message {
  return error(
    "HED1121",
    `${field} is no name: ${quote(value)}`,
    'at most 63 letters, digits and "-", starting and ending with a letter or digit',
  );
}
