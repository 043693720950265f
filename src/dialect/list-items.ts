// A `kind: List` taken apart as text: of `kubectl get -A -o yaml` the whole may be far larger than any object in it is allowed to be.

export interface ListItem {
  readonly text: string;
  /** Where the text begins: lines after the list's first, and characters of that line before it. */
  readonly line: number;
  readonly column: number;
  /** Of the text's tree, the path that leads to the item. */
  readonly path: "" | "[0]";
}

export type ListText =
  /** `head`: the list without its items. */
  | { readonly kind: "list"; readonly head: string; readonly items: readonly ListItem[] }
  | { readonly kind: "tooMany" }
  /** No map with `items` that lines or brackets tell apart. */
  | { readonly kind: "other" };

const OTHER: ListText = { kind: "other" };
const TOO_MANY: ListText = { kind: "tooMany" };

/** Whether the text's kind is a List the head says. */
export function listText(text: string, limit: number): ListText {
  return /^(?:---)?\s*\{/.test(text) ? listOfJson(text, limit) : listOfYaml(text, limit);
}

/** Lines up to places in a text, which are asked for in their order. */
class Lines {
  readonly #text: string;
  #line = 0;
  #next: number;
  #start = 0;

  constructor(text: string) {
    this.#text = text;
    this.#next = text.indexOf("\n");
  }

  at(place: number): { readonly line: number; readonly start: number } {
    while (this.#next !== -1 && this.#next < place) {
      this.#line++;
      this.#start = this.#next + 1;
      this.#next = this.#text.indexOf("\n", this.#start);
    }
    return { line: this.#line, start: this.#start };
  }
}

const ITEMS = /^items: *\n/m;

/**
 * An item goes on as long as lines are indented further than its dash, in quotes and blocks of text as well (YAML 1.2.2, sections 6.3 and
 * 8.1): no parser is needed to find the next.
 */
function listOfYaml(text: string, limit: number): ListText {
  const found = ITEMS.exec(text);
  if (!found) return OTHER;
  const starts: number[] = [];
  let dashes = -1;
  let at = found.index + found[0].length;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    let first = at;
    while (text.charCodeAt(first) === 0x20) first++;
    const isBlank = first === newline || first === text.length || text.charCodeAt(first) === 0x23;
    if (!isBlank) {
      const isItem = text[first] === "-" && /^\s?$/.test(text.charAt(first + 1));
      if (dashes === -1) dashes = first - at;
      if (first - at < dashes || (first - at === dashes && !isItem)) break;
      if (first - at === dashes && starts.push(at) > limit) return TOO_MANY;
    }
    at = newline === -1 ? text.length : newline + 1;
  }
  if (starts.length === 0) return OTHER;
  const lines = new Lines(text);
  const items = starts.map((start, i): ListItem => {
    const { line } = lines.at(start);
    return { text: text.slice(start, starts[i + 1] ?? at), line, column: 0, path: "[0]" };
  });
  return { kind: "list", head: `${text.slice(0, found.index)}items: []\n${text.slice(at)}`, items };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where the quote is that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}

/** Brackets and strings alone are looked at: what is wrong between them, the readers of the head and of the items find. */
function listOfJson(text: string, limit: number): ListText {
  const items: ListItem[] = [];
  const lines = new Lines(text);
  let depth = 0;
  let key = "";
  /** Of the list of items: its bracket, and what comes after the last item. */
  let open = -1;
  let close = -1;
  let start = 0;
  let end = 0;
  for (let at = text.indexOf("{"); at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const last = endOfString(text, at);
      if (depth === 1) key = text.slice(at + 1, last);
      at = last;
    } else if (code === 0x7b || code === 0x5b) {
      depth++;
      if (depth === 2 && code === 0x5b && key === "items") {
        if (open !== -1) return OTHER;
        open = at;
        end = at + 1;
      } else if (depth === 3 && isWithin(open, close)) {
        if (text.slice(end, at).trim() !== (items.length === 0 ? "" : ",")) return OTHER;
        start = at;
      }
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
      if (depth === 2 && isWithin(open, close)) {
        end = at + 1;
        if (items.push(jsonItem(text, start, end, lines)) > limit) return TOO_MANY;
      } else if (depth === 1 && isWithin(open, close)) {
        if (text.slice(end, at).trim() !== "") return OTHER;
        close = at;
      }
    }
  }
  return close === -1 || items.length === 0
    ? OTHER
    : { kind: "list", head: `${text.slice(0, open + 1)}${text.slice(close)}`, items };
}

function isWithin(open: number, close: number): boolean {
  return open !== -1 && close === -1;
}

/** From its line's start where nothing else stands before it, so that the line can be shown. */
function jsonItem(text: string, start: number, end: number, lines: Lines): ListItem {
  const { line, start: lineStart } = lines.at(start);
  const isFirst = /^ *$/.test(text.slice(lineStart, Math.min(start, lineStart + 200))) && start - lineStart < 200;
  return {
    text: text.slice(isFirst ? lineStart : start, end),
    line,
    column: isFirst ? 0 : start - lineStart,
    path: "",
  };
}
