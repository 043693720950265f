// From a field's path to its place in a file. A document is parsed again when the first place in it is asked for: most are
// never asked, and syntax trees would cost a hundred times the text's memory.

import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter } from "yaml";
import type { SourceSpan } from "../base/diagnostic.ts";
import type { SpanPart } from "../model/source-map.ts";
import { parsePath, type Step } from "./path.ts";

/** Longer lines (minified JSON) are cut: nobody reads them, and a thousand findings would each carry one. */
const MAX_LINE = 400;

/** Of a longer line what stands around a place behind its beginning. */
const BEFORE = 60;
const AFTER = 100;

/** What would steer the terminal that the line is shown on. */
const UNSEEN = /(?!\t)\p{Cc}/gu;

type Range = readonly [from: number, to: number];

/** Undefined for a text that costs more than places are worth. */
export type ParseForPlaces = (text: string) => Document | undefined;

/** What the text of a document does not say about its place. */
export interface TextPlace {
  /** What each line of the file has in front of the text's. */
  readonly indent?: number;
  /** Characters that the file's line has before the text begins. */
  readonly column?: number;
}

export class DocumentSpans {
  readonly #file: string;
  readonly #text: string;
  readonly #firstLine: number;
  readonly #parse: ParseForPlaces;
  #lines: LineCounter | undefined;
  #document: Document | undefined;
  /** Whether there is a document, or none because it would be too costly. */
  #isParsed = false;
  readonly #indent: number;
  readonly #column: number;
  readonly #blocks = new Map<unknown, DocumentSpans>();

  /** `text` begins in the `firstLine`th line of the file, at its start unless `place` says otherwise. */
  constructor(
    file: string,
    text: string,
    firstLine: number,
    parse: ParseForPlaces,
    { indent = 0, column = 0 }: TextPlace = {},
  ) {
    this.#file = file;
    this.#indent = indent;
    this.#column = column;
    this.#text = text;
    this.#firstLine = firstLine;
    this.#parse = parse;
  }

  /**
   * The value at `path` (of a map or list: the name it stands under), or of the nearest field above that is in the document; of a document that
   * is too costly for places its first line. Where a path leads into a block of text, the text is a document of its own (the ConfigMap of a mesh's settings).
   */
  find(path: string, part: SpanPart = "value"): SourceSpan | undefined {
    return this.#find(parsePath(path), part);
  }

  #find(steps: readonly Step[], part: SpanPart): SourceSpan | undefined {
    if (!this.#isParsed) this.#document = this.#parse(this.#text);
    this.#isParsed = true;
    if (!this.#document) return this.at(0, 0);
    let value: unknown = this.#document.contents;
    let name: unknown = value;
    let found = true;
    for (const [i, step] of steps.entries()) {
      const block = this.#blockOf(value);
      if (block) return block.#find(steps.slice(i), part) ?? this.#span(name);
      const child = childOf(resolved(value, this.#document), step);
      if (!child) {
        found = false;
        break;
      }
      ({ name, value } = child);
    }
    if (typeof part === "object" && found) return this.#within(value, part.within) ?? this.#span(value);
    return this.#span(found && part === "value" && isScalar(value) ? value : name) ?? this.#span(value);
  }

  #span(node: unknown): SourceSpan | undefined {
    const range = rangeOf(node);
    return range && this.at(...range);
  }

  #within(node: unknown, { line, column, length }: SourceSpan): SourceSpan | undefined {
    const block = this.#blockOf(node);
    if (!block) return undefined;
    const start = block.#lineCounter().lineStarts[line - 1];
    return start === undefined ? undefined : block.at(start + column - 1, start + column - 1 + length);
  }

  /** A literal block's text, whose lines are the file's without their indentation. */
  #blockOf(node: unknown): DocumentSpans | undefined {
    if (!isScalar(node) || node.type !== "BLOCK_LITERAL" || !node.range || typeof node.value !== "string")
      return undefined;
    const known = this.#blocks.get(node);
    if (known) return known;
    const lines = this.#lineCounter();
    const header = lines.linePos(node.range[0]).line;
    const first = node.value.split("\n").findIndex((line) => line.trim() !== "");
    const start = lines.lineStarts[header + first];
    if (first === -1 || start === undefined) return undefined;
    const indent = leading(this.#text.slice(start)) - leading(node.value.split("\n")[first]!);
    const document = new DocumentSpans(this.#file, node.value, this.#firstLine + header, this.#parse, { indent });
    this.#blocks.set(node, document);
    return document;
  }

  /** The place of offsets in the text; what goes beyond the line ends with it. */
  at(from: number, to: number): SourceSpan {
    const lines = this.#lineCounter();
    const { line, col: ownColumn } = lines.linePos(Math.min(from, this.#text.length));
    const start = lines.lineStarts[line - 1]!;
    const end = this.#text.indexOf("\n", start);
    const own = this.#text.slice(start, this.#text[end - 1] === "\r" ? end - 1 : end === -1 ? undefined : end);
    const before = line === 1 ? this.#column : 0;
    const column = before + this.#indent + ownColumn;
    const length = Math.max(1, Math.min(to - from, own.length - ownColumn + 1));
    return {
      file: this.#file,
      line: this.#firstLine + line - 1,
      column,
      length,
      ...(before > 0 ? excerpt(own, ownColumn, before) : this.#shown(own, ownColumn, length)),
    };
  }

  /** Of a long line as much as is shown, which is all that is looked at: there may be many places in it. */
  #shown(own: string, ownColumn: number, length: number): Pick<SourceSpan, "text" | "skipped"> {
    const isCut = this.#indent + own.length > MAX_LINE;
    if (isCut && this.#indent + ownColumn + length > MAX_LINE) return excerpt(own, ownColumn, this.#indent);
    const text = `${" ".repeat(this.#indent)}${own.slice(0, MAX_LINE - this.#indent)}`.replaceAll(UNSEEN, "\uFFFD");
    return { text: isCut ? `${text}…` : text };
  }

  #lineCounter(): LineCounter {
    if (!this.#lines) {
      this.#lines = new LineCounter();
      this.#lines.addNewLine(0);
      for (let at = this.#text.indexOf("\n"); at !== -1; at = this.#text.indexOf("\n", at + 1))
        this.#lines.addNewLine(at + 1);
    }
    return this.#lines;
  }
}

/** `before`: what the file's line has in front of `own`, which is not at hand. */
function excerpt(own: string, ownColumn: number, before: number): Pick<SourceSpan, "text" | "skipped"> {
  const at = Math.max(0, ownColumn - 1 - BEFORE);
  const end = ownColumn - 1 + AFTER;
  const text = own.slice(at, end).replaceAll(UNSEEN, "\uFFFD");
  const skipped = before + at;
  return { text: `${skipped > 0 ? "…" : ""}${text}${end < own.length ? "…" : ""}`, skipped };
}

function leading(line: string): number {
  return /^ */.exec(line)![0].length;
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/** Fields that a merge key (`<<`) brought are not looked for: their place is that of the object. */
function childOf(node: unknown, step: Step): { readonly name: unknown; readonly value: unknown } | undefined {
  if (isSeq(node) && typeof step === "number") {
    const item = node.items[step];
    return item === undefined ? undefined : { name: item, value: item };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && (key.source ?? String(key.value)) === String(step));
  return pair && { name: pair.key, value: pair.value };
}

function rangeOf(node: unknown): Range | undefined {
  if (!isNode(node) || !node.range) return undefined;
  return [node.range[0], node.range[1]];
}
