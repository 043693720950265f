// The part of YAML that nearly all files are made of, read line by line: block maps and lists, plain and quoted scalars of one line, literal
// blocks. Whatever else stands in a document, or is wrong with it, is the library's, which takes ten times as long and knows all of it.

import { readFlow } from "./plain-flow.ts";

/** What a document stands for, or that it is none of this. */
export type PlainYaml = { readonly kind: "value"; readonly value: unknown } | undefined;

interface Line {
  readonly indent: number;
  /** Without indentation and trailing spaces; never empty, never a comment. */
  readonly text: string;
  /** Of the document's lines. */
  readonly at: number;
}

/** A place where the library has to be asked. */
class NotPlain extends Error {}

const NOT_PLAIN = new NotPlain();

function notPlain(): never {
  throw NOT_PLAIN;
}

/** Undefined where the document is not plain, is nested deeper than `maxDepth`, or has a mistake. */
export function readPlainYaml(text: string, maxDepth: number): PlainYaml {
  if (text.includes("\t") || text.includes("\r")) return undefined;
  try {
    return { kind: "value", value: new PlainReader(text.split("\n"), maxDepth).document() };
  } catch (thrown) {
    if (thrown === NOT_PLAIN) return undefined;
    throw thrown;
  }
}

const KEY = /^([A-Za-z_][\w./-]*|"[^"\\]*"|'[^']*') *:(?: +(\S.*))?$/;

class PlainReader {
  readonly #lines: readonly string[];
  readonly #maxDepth: number;
  #next = 0;
  #line: Line | undefined;

  constructor(lines: readonly string[], maxDepth: number) {
    this.#lines = lines;
    this.#maxDepth = maxDepth;
  }

  document(): unknown {
    while (this.#lines[this.#next]?.startsWith("#") || this.#lines[this.#next] === "") this.#next++;
    if (this.#lines[this.#next] === "---") this.#next++;
    this.#advance();
    if (!this.#line) return notPlain();
    const { indent, text } = this.#line;
    if (!isItem(text) && (indent !== 0 || !KEY.test(text))) return notPlain();
    const value = isItem(text) ? this.#list(indent, 1) : this.#map(0, 1);
    return this.#line === undefined ? value : notPlain();
  }

  /** To the next line that says something. */
  #advance(): void {
    for (let at = this.#next; at < this.#lines.length; at++) {
      const line = this.#lines[at]!;
      let indent = 0;
      while (line.charCodeAt(indent) === 0x20) indent++;
      if (indent === line.length || line.charCodeAt(indent) === 0x23) continue;
      this.#next = at + 1;
      this.#line = { indent, text: withoutComment(line.slice(indent)), at };
      return;
    }
    this.#next = this.#lines.length;
    this.#line = undefined;
  }

  #map(indent: number, depth: number): unknown {
    if (depth > this.#maxDepth) notPlain();
    const fields: [string, unknown][] = [];
    const seen = new Set<string>();
    while (this.#line?.indent === indent && !isItem(this.#line.text)) {
      const [, written, rest] = KEY.exec(this.#line.text) ?? notPlain();
      const isQuoted = written!.startsWith('"') || written!.startsWith("'");
      const name = isQuoted ? written!.slice(1, -1) : written!;
      if (seen.has(name) || name === "<<") notPlain();
      seen.add(name);
      fields.push([name, this.#value(rest, indent, true, depth)]);
    }
    if (this.#line && this.#line.indent > indent) notPlain();
    // fromEntries defines own properties, so that a key such as __proto__ is a key like any other.
    return Object.fromEntries(fields);
  }

  #list(indent: number, depth: number): unknown {
    if (depth > this.#maxDepth) notPlain();
    const items: unknown[] = [];
    while (this.#line?.indent === indent && isItem(this.#line.text)) {
      const { text, at } = this.#line;
      let start = 1;
      while (text.charCodeAt(start) === 0x20) start++;
      const rest = text.slice(start);
      if (rest.startsWith("#")) notPlain();
      if (isItem(rest) || KEY.test(rest)) {
        this.#line = { indent: indent + start, text: rest, at };
        items.push(isItem(rest) ? this.#list(indent + start, depth + 1) : this.#map(indent + start, depth + 1));
      } else items.push(this.#value(rest === "" ? undefined : rest, indent, false, depth));
    }
    if (this.#line && this.#line.indent > indent) notPlain();
    return items;
  }

  /** What stands behind a key or a dash, and on the lines below. A list may begin in the column of its key. */
  #value(rest: string | undefined, indent: number, isField: boolean, depth: number): unknown {
    if (rest === "|" || rest === "|-") return this.#literal(indent, rest === "|");
    this.#advance();
    const line = this.#line;
    if (rest !== undefined) {
      const value = this.#inline(rest, depth);
      return line && line.indent > indent ? notPlain() : value;
    }
    if (!line || line.indent < indent) return null;
    if (line.indent === indent) return isField && isItem(line.text) ? this.#list(indent, depth + 1) : null;
    if (isItem(line.text)) return this.#list(line.indent, depth + 1);
    return KEY.test(line.text) ? this.#map(line.indent, depth + 1) : notPlain();
  }

  #inline(text: string, depth: number): unknown {
    if (!text.startsWith("{") && !text.startsWith("[")) return scalarOf(text);
    return (readFlow(text, this.#maxDepth - depth, scalarOf) ?? notPlain()).value;
  }

  /** `|`: ends with one newline; `|-`: with none. */
  #literal(parent: number, isKept: boolean): string {
    const lines: string[] = [];
    let indent = -1;
    let at = this.#next;
    for (; at < this.#lines.length; at++) {
      const line = this.#lines[at]!;
      const own = line.length - line.trimStart().length;
      const isBlank = own === line.length;
      if (indent === -1) {
        // Where lines of spaces alone come first, they may say where the text begins.
        if (isBlank) return notPlain();
        if (own <= parent) return notPlain();
        indent = own;
      }
      if (!isBlank && own < indent) break;
      if (isBlank && own > indent) return notPlain();
      lines.push(isBlank ? "" : line.slice(indent));
    }
    while (lines.at(-1) === "") lines.pop();
    // Without a newline at the end of the file there is none to keep either.
    if (lines.length === 0 || at - this.#next < 1 || (at === this.#lines.length && this.#lines.at(-1) !== ""))
      return notPlain();
    this.#next = at;
    this.#advance();
    // A comment that is indented less than the text ends it, for some readers.
    if (at < this.#lines.length && this.#lines[at]!.trimStart().startsWith("#")) return notPlain();
    if (this.#line && this.#line.indent > parent) return notPlain();
    return isKept ? `${lines.join("\n")}\n` : lines.join("\n");
  }
}

/** Where quotes stand, the hash may be in them: then it is left, and no scalar is plain that has one. */
function withoutComment(text: string): string {
  const hash = text.indexOf(" #");
  return (hash === -1 || /["']/.test(text) ? text : text.slice(0, hash)).trimEnd();
}

function isItem(text: string): boolean {
  return text.charCodeAt(0) === 0x2d && (text.length === 1 || text.charCodeAt(1) === 0x20);
}

/** YAML 1.1 has many spellings of these; all of them are the library's. */
const WORD_WITH_MEANING = /^(?:null|true|false|yes|no|on|off|y|n)$/i;
const NUMBER = /^(?:0|-?[1-9]\d{0,14}|-?(?:0|[1-9]\d{0,5})\.\d{1,6})$/;
const WORD = /^[A-Za-z_/][^#:]*$/;
/** A word with colons that end none of its parts: `a:80`, `spiffe://a/b`. */
const WORD_WITH_COLONS = /^[A-Za-z_/](?:[^#:]|:(?=[^\s:]))*$/;
/** Begins as a number does and is none: durations, quantities, addresses, identifiers. */
const NO_NUMBER =
  /^(?:\d+(?:\.\d+)?(?:ns|us|ms|[smhd%]|[KMGT]i)|\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/;

function scalarOf(text: string): unknown {
  const first = text.charCodeAt(0);
  if (first === 0x22) return /^"[^"\\]*"$/.test(text) ? text.slice(1, -1) : notPlain();
  if (first === 0x27) return /^'[^']*'$/.test(text) ? text.slice(1, -1) : notPlain();
  if (text === "true") return true;
  if (text === "false") return false;
  if (text === ".") return text; // exportTo's own namespace
  if (NUMBER.test(text)) return Number(text);
  if (NO_NUMBER.test(text)) return text;
  if (WORD_WITH_MEANING.test(text)) return notPlain();
  return WORD.test(text) || WORD_WITH_COLONS.test(text) ? text : notPlain();
}
