// YAML files (and JSON, its subset) → plain values that know where they stand. Each document is parsed on its own, so that a
// mistake in one costs nothing to the others, and positions are worked out only when a finding asks for them.

import { type Document, type ParsedNode, parseDocument, type ScalarTag, type Schema } from "yaml";
import type { Diagnostic, SourceSpan } from "../base/diagnostic.ts";
import { parseJsonText } from "../base/json-text.ts";
import { looksTooDeep } from "../base/nesting.ts";
import type { Message } from "../model/message.ts";
import type { SpanFinder } from "../model/source-map.ts";
import * as diagnostics from "./diagnostics.ts";
import { type DecodedText, decodeText } from "./encoding.ts";
import * as inputDiagnostics from "./input-diagnostics.ts";
import { costOf, tokensOf } from "./library-cost.ts";
import { READ_LIMITS, type ReadLimits } from "./limits.ts";
import { type ListItem, listText } from "./list-items.ts";
import { ListSpans } from "./list-spans.ts";
import { readPlainYaml } from "./plain-yaml.ts";
import { DocumentSpans, type TextPlace } from "./spans.ts";
import { type TreeValue, valueOfTree } from "./tree.ts";
import { syntaxProblem } from "./yaml-problem.ts";

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
  const decoded: DecodedText =
    typeof content === "string" ? { kind: "text", text: content.replace(/^\uFEFF/, "") } : decodeText(content);
  if (decoded.kind === "malformed") return malformed(file, decoded.before);
  // A carriage return alone ends a line as well (YAML 1.2.2 production 28), and the library does not know it.
  const text = decoded.text.replaceAll(/\r(?!\n)/g, "\n");
  const chunks = splitDocuments(text, limits.documents + 1);
  if (chunks.length > limits.documents) return refused(diagnostics.tooManyDocuments(limits.documents));

  const reader = new FileReader(file, limits);
  for (const chunk of chunks) if (!reader.isExhausted) reader.read(chunk);
  return reader;
}

/** A List of this many characters is not parsed as a whole for the place of one of its objects. */
const LIST_FOR_PLACES = 32 * 1024;

class FileReader implements YamlFile {
  readonly documents: YamlDocument[] = [];
  readonly diagnostics: Diagnostic[] = [];
  /** What the library read is more than is read of a file. */
  isExhausted = false;
  readonly #file: string;
  readonly #limits: ReadLimits;
  #slowTokens = 0;
  #placeTokens = 0;

  constructor(file: string, limits: ReadLimits) {
    this.#file = file;
    this.#limits = limits;
  }

  read(chunk: Chunk): void {
    const spans = this.#spans(chunk.text, chunk.line);
    const read = this.#read(chunk.text);
    if (read.kind === "tooLarge") this.#readList(chunk, spans, read);
    else {
      const value = this.#valueOf(read, spans);
      if (value !== undefined && value !== null) this.documents.push({ value, spans: this.#placesIn(chunk, spans) });
    }
  }

  /** Its objects one by one: in each as much may stand as in a document. */
  #readList({ text, line }: Chunk, whole: DocumentSpans, tooLarge: TooLarge): void {
    const refuse = (message: Message, at = 0): unknown => this.diagnostics.push(finding(message, whole.at(at, at)));
    const list = listText(text, this.#limits.documents);
    if (list.kind === "tooMany") return void refuse(diagnostics.tooManyDocuments(this.#limits.documents));
    const head = list.kind === "list" ? this.#read(list.head) : undefined;
    if (list.kind !== "list" || head?.kind !== "value" || !isList(head.value))
      return void refuse(tooLarge.message, tooLarge.at);
    const places = new ListSpans(
      () => list.items,
      whole,
      (item) => this.#itemSpans(item, line),
    );
    const kept: ListItem[] = [];
    const values: unknown[] = [];
    for (const item of list.items) {
      if (this.isExhausted) break;
      const value = this.#valueOf(this.#read(item.text), places.of(item));
      if (value === undefined) continue;
      kept.push(item);
      values.push(item.path === "" ? value : (value as readonly unknown[])[0]);
    }
    const found = new ListSpans(
      () => kept,
      whole,
      (item) => this.#itemSpans(item, line),
    );
    this.documents.push({ value: { ...head.value, items: values }, spans: (path, part) => found.find(path, part) });
  }

  /** Whatever is wrong is told. Undefined then. */
  #valueOf(read: Reading, spans: DocumentSpans): unknown {
    if (read.kind === "value") return read.value;
    const problems = read.kind === "invalid" ? read.problems : [{ message: read.message, from: read.at, to: read.at }];
    for (const { message, from, to } of problems) this.diagnostics.push(finding(message, spans.at(from, to)));
    return undefined;
  }

  #read(text: string): Reading {
    const { documentCharacters, documentTokens, slowTokens } = this.#limits;
    if (text.length > documentCharacters)
      return { kind: "tooLarge", message: diagnostics.documentTooLarge(text.length, documentCharacters), at: 0 };
    const quick = readQuickly(text, this.#limits);
    if (quick) return quick;
    const deep = looksTooDeep(text);
    if (deep !== undefined) return invalid(diagnostics.tooDeep(this.#limits.depth), deep);
    const { tokens, end } = costOf(text, documentTokens);
    this.#slowTokens += tokens;
    this.isExhausted = this.#slowTokens > slowTokens;
    if (this.isExhausted) return invalid(inputDiagnostics.tooMuchToParse(slowTokens));
    return tokens > documentTokens
      ? { kind: "tooLarge", message: inputDiagnostics.tooCostlyToParse(documentTokens), at: end }
      : parseDocumentOf(text, this.#limits);
  }

  #placesIn({ text, line }: Chunk, whole: DocumentSpans): SpanFinder {
    if (text.length < LIST_FOR_PLACES) return (path, part) => whole.find(path, part);
    let items: readonly ListItem[] | undefined;
    const cut = (): readonly ListItem[] => {
      if (!items) {
        const list = listText(text, this.#limits.documents);
        items = list.kind === "list" ? list.items : [];
      }
      return items;
    };
    const places = new ListSpans(cut, whole, (item) => this.#itemSpans(item, line));
    return (path, part) => places.find(path, part);
  }

  #itemSpans({ text, line, column }: ListItem, first: number): DocumentSpans {
    return this.#spans(text, first + line, { column });
  }

  #spans(text: string, line: number, place?: TextPlace): DocumentSpans {
    return new DocumentSpans(this.#file, text, line, (asked) => this.#parseForPlaces(asked), place);
  }

  #parseForPlaces(text: string): Document | undefined {
    const { documentTokens, placeTokens } = this.#limits;
    if (this.#placeTokens > placeTokens) return undefined;
    const tokens = tokensOf(text, documentTokens);
    this.#placeTokens += tokens;
    return tokens > documentTokens ? undefined : parseYaml(text);
  }
}

function isList(value: unknown): value is { readonly kind: string } {
  if (typeof value !== "object" || value === null || !("kind" in value) || !("items" in value)) return false;
  const { kind, items } = value;
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items) && items.length === 0;
}

/** Told at the first byte that is wrong, which is where an editor has to look. */
function malformed(file: string, before: string): YamlFile {
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  const span = { file, line, column, length: 0, text: "" };
  return { documents: [], diagnostics: [finding(diagnostics.badEncoding(), span)] };
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

function invalid(message: Message, from = 0): TreeValue {
  return { kind: "invalid", problems: [{ message, from, to: from }] };
}

/** YAML 1.2.2, production 1 (c-printable), without the byte order mark, that nobody sees either. */
const UNPRINTABLE = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

/** Too large as it is: objects of a List may be small enough. */
type Reading = TreeValue | TooLarge;

interface TooLarge {
  readonly kind: "tooLarge";
  readonly message: Message;
  /** Where in the text. */
  readonly at: number;
}

/** Undefined for what only the library can read, or say what is wrong with. */
function readQuickly(text: string, limits: ReadLimits): TreeValue | undefined {
  const unprintable = UNPRINTABLE.exec(text);
  if (unprintable) return invalid(inputDiagnostics.controlCharacter(unprintable[0]), unprintable.index);
  return jsonValue(text, limits) ?? readPlainYaml(text, limits.depth);
}

function parseDocumentOf(text: string, limits: ReadLimits): TreeValue {
  const document = parseYaml(text);
  const errors = [...document.errors, ...document.warnings];
  const [error] = errors;
  if (error?.code === "RESOURCE_EXHAUSTION") return invalid(diagnostics.tooDeep(limits.depth), error.pos[0]);
  if (error) return { kind: "invalid", problems: [syntaxProblem(error, text)] };
  return valueOfTree(document, limits);
}

/** JSON by its own reader, which makes no tree. Whatever that refuses is told by the one that knows places. */
function jsonValue(text: string, limits: ReadLimits): TreeValue | undefined {
  if (!/^(?:---)?\s*[{[]/.test(text)) return undefined;
  const parsed = parseJsonText(text.startsWith("---") ? text.slice(3) : text, limits.depth);
  if (parsed.kind === "error" || parsed.duplicates.length > 0) return undefined;
  return { kind: "value", value: parsed.value };
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

/** As Kubernetes reads it, a syntax tree with its mistakes. */
export function parseYaml(text: string): Document.Parsed<ParsedNode> {
  return parseDocument(text, {
    version: "1.1",
    schema: SCHEMA,
    stringKeys: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
}
