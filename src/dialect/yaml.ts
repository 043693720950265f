// YAML files (and JSON, its subset) → plain values that know where they stand. Each document is parsed on its own, so that a
// mistake in one costs nothing to the others, and positions are worked out only when a finding asks for them.

import { type Document, type ParsedNode, parseDocument, type ScalarTag, type Schema, type YAMLError } from "yaml";
import type { Diagnostic, SourceSpan } from "../base/diagnostic.ts";
import type { Message } from "../model/message.ts";
import type { SpanFinder } from "../model/source-map.ts";
import * as diagnostics from "./diagnostics.ts";
import { decodeText } from "./encoding.ts";
import { READ_LIMITS, type ReadLimits } from "./limits.ts";
import { DocumentSpans } from "./spans.ts";
import { type Problem, type TreeValue, valueOfTree } from "./tree.ts";

export interface YamlDocument {
  /** Maps, lists, strings, numbers, booleans and null; no cycles. */
  readonly value: unknown;
  readonly spans: SpanFinder;
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Never throws. Documents with a mistake are left out and reported; empty ones are skipped. */
export function readYaml(file: string, content: string | Uint8Array, limits: ReadLimits = READ_LIMITS): YamlFile {
  const refused = (message: Message): YamlFile => ({ documents: [], diagnostics: [fileFinding(file, message)] });
  if (content.length > limits.bytes) return refused(diagnostics.fileTooLarge(limits.bytes));
  const text = typeof content === "string" ? content.replace(/^\uFEFF/, "") : decodeText(content);
  if (text === undefined) return refused(diagnostics.badEncoding());
  const chunks = splitDocuments(text, limits.documents + 1);
  if (chunks.length > limits.documents) return refused(diagnostics.tooManyDocuments(limits.documents));

  const documents: YamlDocument[] = [];
  const found: Diagnostic[] = [];
  for (const chunk of chunks) {
    const spans = new DocumentSpans(file, chunk.text, chunk.line, parse);
    const read = readDocument(chunk.text, limits);
    if (read.kind === "value" && read.value !== null) {
      documents.push({ value: read.value, spans: (path, part) => spans.find(path, part) });
    }
    if (read.kind === "invalid")
      for (const problem of read.problems) found.push(finding(problem.message, spans.at(problem.from, problem.to)));
  }
  return { documents, diagnostics: found };
}

function fileFinding(file: string, message: Message): Diagnostic {
  return finding(message, { file, line: 1, column: 1, length: 0, text: "" });
}

function finding({ code, severity, message, suggestion }: Message, span: SourceSpan): Diagnostic {
  return { code, severity, message, span, ...(suggestion === undefined ? {} : { suggestion }) };
}

interface Chunk {
  readonly text: string;
  /** Of the file, where the chunk begins. */
  readonly line: number;
}

/**
 * Cuts at the document markers. A line that starts with `---` or `...` is a marker wherever it stands, even inside a quoted or
 * block scalar (YAML 1.2.2 production 206, c-forbidden), so no parser is needed to find them. At most `limit` chunks.
 */
function splitDocuments(text: string, limit: number): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  let startLine = 1;
  let line = 1;
  // Directives and comments before a `---` belong to the document after it.
  let hasContent = false;
  const cut = (end: number, nextLine: number): void => {
    if (hasContent) chunks.push({ text: text.slice(start, end), line: startLine });
    start = end;
    startLine = nextLine;
    hasContent = false;
  };
  for (let at = 0; at < text.length && chunks.length < limit; line++) {
    const newline = text.indexOf("\n", at);
    const next = newline === -1 ? text.length : newline + 1;
    const isMarker = (marker: string): boolean => text.startsWith(marker, at) && /^\s?$/.test(text.charAt(at + 3));
    if (isMarker("---")) {
      if (hasContent) cut(at, line);
      hasContent = true;
    } else if (isMarker("...")) cut(next, line + 1);
    else if (!hasContent) hasContent = !/^\s*(?:[#%].*)?$/.test(text.slice(at, next).trimEnd());
    at = next;
  }
  if (chunks.length < limit) cut(text.length, line);
  return chunks;
}

function invalid(message: Message): TreeValue {
  return { kind: "invalid", problems: [{ message, from: 0, to: 0 }] };
}

function readDocument(text: string, limits: ReadLimits): TreeValue {
  if (text.length > limits.documentCharacters)
    return invalid(diagnostics.documentTooLarge(text.length, limits.documentCharacters));
  if (looksTooDeep(text)) return invalid(diagnostics.tooDeep(limits.depth));
  const document = parse(text);
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) return { kind: "invalid", problems: [syntaxProblem(errors[0]!, text.trimEnd().length)] };
  return valueOfTree(document, limits);
}

/** Nesting that would overflow the parser's stack before it can be measured: at most as deep as what is refused here. */
const PARSER_DEPTH = 500;

/** Counts open brackets and indicators on one line. Block nesting needs indentation, which the size of a document bounds to some 2,000 levels. */
function looksTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5b || code === 0x7b) {
      if (++depth > PARSER_DEPTH) return true;
    } else if ((code === 0x5d || code === 0x7d) && depth > 0) depth--;
  }
  return /^[ \t]*(?:[-?:][ \t]+){100}/m.test(text);
}

/** What is missing at the end is shown at the last character, the `end`th, rather than on the line of the next document. */
function syntaxProblem({ code, message, pos }: YAMLError, end: number): Problem {
  const problem = message.charAt(0).toLowerCase() + message.slice(1);
  const from = Math.min(pos[0], Math.max(0, end - 1));
  return { message: diagnostics.yamlSyntax(problem, suggestion(code, message)), from, to: Math.max(from, pos[1]) };
}

function suggestion(code: string, message: string): string | undefined {
  switch (code as YAMLError["code"]) {
    case "TAB_AS_INDENT":
      return "spaces instead of the tab";
    case "BAD_INDENT":
      return message.startsWith("Flow") ? "the closing bracket" : "the same indentation as the fields beside it";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a value with a colon in quotes, a nested field on a line of its own";
    case "BAD_SCALAR_START":
      return "the value in quotes";
    case "BAD_DQ_ESCAPE":
      return "single quotes, or two backslashes for one";
    case "MISSING_CHAR":
      return message.includes("quote") ? "the closing quote" : "a colon and a space after the field's name";
    case "MULTILINE_IMPLICIT_KEY":
      return "a colon and a space after the field's name";
    case "TAG_RESOLVE_FAILED":
      return "the value without the tag (!), or in quotes";
    case "UNEXPECTED_TOKEN":
      return "one value a line, lists as lines that begin with a dash";
    default:
      return undefined;
  }
}

const NOT_IN_JSON = /:(?:timestamp|binary|omap|pairs|set)$/;

/**
 * YAML as Kubernetes reads it (sigs.k8s.io/yaml on go-yaml v2): 1.1, where `yes` and `on` are booleans and `0644` is octal, but
 * without base 60 and with timestamps as strings. Sets, binaries and ordered maps have no form in JSON.
 */
const SCHEMA: Schema = parseDocument("", {
  version: "1.1",
  customTags: (tags) =>
    tags
      .filter(
        (tag) => typeof tag === "string" || (!NOT_IN_JSON.test(tag.tag) && !("format" in tag && tag.format === "TIME")),
      )
      .map((tag) => (typeof tag === "string" || "collection" in tag ? tag : withDigits(tag))),
}).schema;

/** By the letter of YAML 1.1 `.` and `e1` are numbers; go-yaml asks for a digit before the exponent, and takes them for words. */
function withDigits(tag: ScalarTag): ScalarTag {
  const { test } = tag;
  return test?.test(".") || test?.test("e1") ? { ...tag, test: new RegExp(`^(?=[^eE]*[0-9])${test.source}`) } : tag;
}

function parse(text: string): Document.Parsed<ParsedNode> {
  return parseDocument(text, {
    version: "1.1",
    schema: SCHEMA,
    stringKeys: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
}
