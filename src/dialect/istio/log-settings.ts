// MeshConfig's `accessLogFile`, `accessLogFormat` and `accessLogEncoding` → where proxies write their access logs, and how.

import type { AccessLog, LogFields, LogValue } from "../../model/access-log.ts";
import { isObject } from "../object.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import * as diagnostics from "./mesh-diagnostics.ts";

type LogSpec = Pick<MeshConfigSpec, "accessLogFile" | "accessLogFormat" | "accessLogEncoding">;

/** Heddle's default is on where Istio's is off, so only an empty `accessLogFile` turns it off. */
export function readLogSettings(spec: LogSpec, path: string, before: AccessLog, reporter: Reporter): AccessLog {
  const { accessLogFile: file, accessLogFormat: format = "", accessLogEncoding: encoding } = spec;
  const formatPath = joinPath(path, "accessLogFormat");
  if (file === undefined && format === "" && encoding === undefined) return before;
  const place = file ?? (before.kind === "off" ? "" : before.path);
  if (place === "") {
    if (format !== "") reporter.report(formatPath, diagnostics.logFormatWithoutFile("accessLogFormat"));
    return { kind: "off" };
  }
  const kind = encoding === undefined ? "TEXT" : encoding;
  if (kind === "JSON") {
    const fields = format === "" ? undefined : readFields(format, formatPath, reporter);
    return { kind: "json", path: place, ...(fields ? { format: fields } : {}) };
  }
  checkOperators(format, formatPath, reporter);
  // Istio ends a format's line where its author did not.
  const line = format === "" || format.endsWith("\n") ? format : `${format}\n`;
  return { kind: "text", path: place, ...(line === "" ? {} : { format: line }) };
}

function readFields(text: string, path: string, reporter: Reporter): LogFields | undefined {
  const fields = parseFields(text);
  if ("problem" in fields) {
    reporter.report(path, diagnostics.logFormatIsNoJson(fields.problem));
    return undefined;
  }
  checkFields(fields.value, path, reporter);
  return fields.value;
}

export function checkFields(fields: LogFields, path: string, reporter: Reporter): void {
  for (const each of textsOf(fields)) checkOperators(each, path, reporter);
}

function parseFields(text: string): { readonly value: LogFields } | { readonly problem: string } {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { value: value as LogFields } : { problem: "it is none" };
  } catch (thrown) {
    return { problem: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function textsOf(value: LogValue): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

/** `%%`, and operators of Envoy's form: a name, parameters, a length. Which names there are the proxies know. */
const OPERATORS = /%%|%[A-Z][A-Z0-9_]*(?:\([^)]*\))?(?::\d+)?%/g;

export function checkOperators(format: string, path: string, reporter: Reporter): void {
  const rest = format.replaceAll(OPERATORS, "");
  const at = rest.indexOf("%");
  if (at !== -1) reporter.report(path, diagnostics.badLogOperator(rest.slice(at, at + 40)));
}
