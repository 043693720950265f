// Checks on strings that tables name. Each gives the finding, or undefined when the value is fine.

import { RE2JSSyntaxException, RE2Set } from "re2js";
import { parseAddress, parseCidr } from "../base/cidr.ts";
import { parseDuration } from "../base/duration.ts";
import { MAX_PROGRAM_SIZE, programSize } from "../base/regex-size.ts";
import type { Message } from "../model/message.ts";
import * as bounds from "./bound-diagnostics.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Format } from "./schema.ts";

type Check = (field: string, value: string) => Message | undefined;

/** Istio's limit. */
const MAX_REGEX = 1024;

export const FORMATS: Readonly<Record<Format, Check>> = {
  address: (field, value) => (parseAddress(value) ? undefined : diagnostics.badAddress(field, value, "IP address")),
  base64: (field, value) => (isBase64(value) ? undefined : diagnostics.badBase64(field, value)),
  cidr: (field, value) =>
    parseCidr(value) ? undefined : diagnostics.badAddress(field, value, "IP address or range (10.0.0.0/8)"),
  "dns-label": (field, value) => (isDnsLabel(value) ? undefined : diagnostics.badDnsLabel(field, value)),
  "header-name": (_, value) => (isHeaderName(value) ? undefined : diagnostics.badHeaderName(value)),
  "header-word": (_, value) => (/^[-_A-Za-z0-9]+$/.test(value) ? undefined : diagnostics.badHeaderName(value)),
  host: (field, value) => hostMessage(field, value, hostProblem(value)),
  "host-or-address": (field, value) =>
    parseAddress(value) ? undefined : hostMessage(field, value, hostProblem(value)),
  "label-value": (field, value) => (isLabelValue(value) ? undefined : diagnostics.badLabel(field, value)),
  regex: regexMessage,
  // "*" is no regular expression: Istio reads it as "whatever it is, but present".
  "regex-or-any": (field, value) => (value === "*" ? undefined : regexMessage(field, value)),
  "wildcard-host": (field, value) =>
    parseAddress(value) ? undefined : hostMessage(field, value, wildcardProblem(value)),
};

/** Milliseconds of a duration as Go and protobuf write it (no days); undefined when it is none. */
export function durationMs(value: string): number | undefined {
  return value.includes("d") ? undefined : parseDuration(value);
}

export function regexMessage(field: string, value: string): Message | undefined {
  if (value.length > MAX_REGEX) return diagnostics.regexTooLong(field, value.length, MAX_REGEX);
  return programMessage(field, value);
}

/** Of any length. */
export function programMessage(field: string, value: string): Message | undefined {
  const size = programSize(value);
  if (size > MAX_PROGRAM_SIZE) return bounds.programTooLarge(field, size, MAX_PROGRAM_SIZE);
  const problem = regexProblem(value);
  return problem === undefined ? undefined : diagnostics.badRegex(field, value, problem);
}

/** To parse one takes up to some milliseconds, and each analyzer reads the object anew. */
const verdicts = new Map<string, string | undefined>();
const MAX_VERDICTS = 4_096;

function regexProblem(value: string): string | undefined {
  if (verdicts.has(value)) return verdicts.get(value);
  if (verdicts.size === MAX_VERDICTS) verdicts.clear();
  const problem = syntaxProblem(value);
  verdicts.set(value, problem);
  return problem;
}

/** Envoy refuses it, with all of the resource that has it. */
const WIDE_ESCAPE = /(?:^|[^\\])(?:\\\\)*\\x\{0*[1-9a-fA-F][0-9a-fA-F]{2,}\}/;

/** Whatever is wrong is said by the parser, which also bounds sizes; what it leaves to be compiled is compiled by proxies. */
function syntaxProblem(value: string): string | undefined {
  if (WIDE_ESCAPE.test(value)) return "\\x{…} beyond FF: Envoy's expressions are of bytes";
  try {
    new RE2Set().add(value);
    return undefined;
  } catch (thrown) {
    return thrown instanceof RE2JSSyntaxException ? thrown.getDescription() : String(thrown);
  }
}

function hostMessage(field: string, value: string, problem: string | undefined): Message | undefined {
  return problem === undefined ? undefined : diagnostics.badHost(field, value, problem);
}

/** What keeps `host` from being a DNS name (RFC 1123 labels; a dot at the end is fine), or undefined. */
export function hostProblem(host: string): string | undefined {
  if (host === "") return "it is empty";
  if (host.length > 255) return `${host.length} characters, at most 255`;
  const labels = host.replace(/\.$/, "").split(".");
  const bad = labels.find((label) => label.length > 63 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/i.test(label));
  if (bad !== undefined) return bad === "" ? "two dots in a row" : `label ${diagnostics.quote(bad)}`;
  return /^\d+$/.test(labels.at(-1)!) ? "the last label is a number" : undefined;
}

/** As `hostProblem`, with `*` or `*-` allowed at the start of the first label. */
export function wildcardProblem(host: string): string | undefined {
  if (host === "*") return undefined;
  if (host.startsWith("*.")) return hostProblem(host.slice(2));
  if (host.startsWith("*")) return hostProblem(host.slice(1).replace(/^-/, ""));
  return hostProblem(host);
}

/** Both alphabets of RFC 4648, with or without padding, as protojson takes them. */
function isBase64(value: string): boolean {
  return /^[\w+/-]*={0,2}$/.test(value) && value.replace(/=+$/, "").length % 4 !== 1;
}

/** A label of RFC 1123, in letters of either case as Istio takes them. */
export function isDnsLabel(value: string): boolean {
  return value.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/i.test(value);
}

/** A token of RFC 9110 section 5.6.2. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);
}

export function isLabelValue(value: string): boolean {
  return value === "" || (value.length <= 63 && /^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$/.test(value));
}

/** `name` or `prefix/name`. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  const name = key.slice(slash + 1);
  return name !== "" && isLabelValue(name) && (slash === -1 || hostProblem(key.slice(0, slash)) === undefined);
}
