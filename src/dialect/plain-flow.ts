// Maps and lists in brackets on one line, of plain and quoted words: `{app: web, ports: [80, 443]}`. Part of plain-yaml.ts.

/** Reads a scalar that stands by itself; throws for one that is not plain. */
export type ReadScalar = (text: string) => unknown;

const KEY = /(?:[A-Za-z_][\w./-]*|"[^"\\]*"|'[^']*'): +/y;
/** Without the characters that mean something in brackets. */
const SCALAR = /"[^"\\]*"|'[^']*'|[\w/*.-][\w /*.+-]*/y;
/** Plain words that begin so are aliases, or not words at all. */
const NOT_A_WORD = /^(?:[*]|-(?:\D|$))/;

/** The value that `text` stands for, or undefined when it is anything else than that. `depth`: how much deeper it may go. */
export function readFlow(text: string, depth: number, scalar: ReadScalar): { readonly value: unknown } | undefined {
  const reader = new FlowReader(text, scalar);
  const value = reader.collection(depth);
  return value !== undefined && reader.isAtEnd ? { value } : undefined;
}

class FlowReader {
  readonly #text: string;
  readonly #scalar: ReadScalar;
  #at = 0;

  constructor(text: string, scalar: ReadScalar) {
    this.#text = text;
    this.#scalar = scalar;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** Undefined when something in it is not plain. */
  collection(depth: number): unknown {
    if (depth <= 0) return undefined;
    const isMap = this.#text[this.#at] === "{";
    const close = isMap ? "}" : "]";
    this.#at++;
    const items: unknown[] = [];
    const names = new Set<string>();
    this.#skipSpaces();
    if (this.#take(close)) return isMap ? {} : [];
    for (;;) {
      const name = isMap ? this.#key() : "";
      if (name === undefined || (isMap && names.has(name))) return undefined;
      names.add(name);
      const value = this.#value(depth);
      if (value === undefined) return undefined;
      items.push(isMap ? [name, value] : value);
      this.#skipSpaces();
      if (this.#take(close)) return isMap ? Object.fromEntries(items as [string, unknown][]) : items;
      if (!this.#take(",")) return undefined;
      this.#skipSpaces();
    }
  }

  #key(): string | undefined {
    const written = this.#match(KEY)?.trimEnd().slice(0, -1);
    if (written === undefined) return undefined;
    return /^["']/.test(written) ? written.slice(1, -1) : written;
  }

  #value(depth: number): unknown {
    const next = this.#text[this.#at];
    if (next === "{" || next === "[") return this.collection(depth - 1);
    const written = this.#match(SCALAR)?.trimEnd();
    return written === undefined || NOT_A_WORD.test(written) ? undefined : this.#scalar(written);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpaces(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }
}
