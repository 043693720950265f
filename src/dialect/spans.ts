// From a field's path to its place in a file. A document is parsed again when the first place in it is asked for: most are
// never asked, and syntax trees would cost a hundred times the text's memory.

import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter } from "yaml";
import type { SourceSpan } from "../base/diagnostic.ts";
import { parsePath, type Step } from "./path.ts";

/** Longer lines (minified JSON) are cut: nobody reads them, and a thousand findings would each carry one. */
const MAX_LINE = 400;

type Range = readonly [from: number, to: number];

export class DocumentSpans {
  readonly #file: string;
  readonly #text: string;
  readonly #firstLine: number;
  readonly #parse: (text: string) => Document;
  #lines: LineCounter | undefined;
  #document: Document | undefined;

  /** `text` begins at a line's start, the `firstLine`th of the file. */
  constructor(file: string, text: string, firstLine: number, parse: (text: string) => Document) {
    this.#file = file;
    this.#text = text;
    this.#firstLine = firstLine;
    this.#parse = parse;
  }

  /** The value at `path` (of a map or list: the name it stands under), or of the nearest field above that is in the document. */
  find(path: string, part: "value" | "name" = "value"): SourceSpan | undefined {
    this.#document ??= this.#parse(this.#text);
    let value: unknown = this.#document.contents;
    let name: unknown = value;
    let found = true;
    for (const step of parsePath(path)) {
      const child = childOf(resolved(value, this.#document), step);
      if (!child) {
        found = false;
        break;
      }
      ({ name, value } = child);
    }
    const range = rangeOf(found && part === "value" && isScalar(value) ? value : name) ?? rangeOf(value);
    return range && this.at(...range);
  }

  /** The place of offsets in the text; what goes beyond the line ends with it. */
  at(from: number, to: number): SourceSpan {
    const lines = this.#lineCounter();
    const { line, col: column } = lines.linePos(Math.min(from, this.#text.length));
    const start = lines.lineStarts[line - 1]!;
    const end = this.#text.indexOf("\n", start);
    const text = this.#text.slice(start, end === -1 ? undefined : end).replace(/\r$/, "");
    const length = Math.max(1, Math.min(to - from, text.length - column + 1));
    return {
      file: this.#file,
      line: this.#firstLine + line - 1,
      column,
      length,
      text: text.length <= MAX_LINE ? text : column + length <= MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : "",
    };
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
