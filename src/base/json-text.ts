// Reading JSON that a stranger wrote. JSON.parse alone would let deep nesting exhaust the stack, keep the last of two equal
// keys in silence, round integers above 2^53, and hand out `__proto__` as a field. One pass over the text finds these first.

/** Kubernetes' own kinds nest about 20 deep, an EnvoyFilter 30; anything beyond this is an attack or a mistake. */
export const MAX_DEPTH = 100;

/** `duplicates` are the paths of fields that are written twice. */
export type ParsedJson =
  | { readonly kind: "ok"; readonly value: unknown; readonly duplicates: readonly string[] }
  | { readonly kind: "error"; readonly message: string };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

type Container =
  | { readonly kind: "object"; readonly keys: Set<string>; key: string; expectsKey: boolean }
  | { readonly kind: "array"; index: number };

class Scanner {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #stack: Container[] = [];
  readonly duplicates: string[] = [];
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  /** The first thing that is refused, or undefined. Syntax is left to JSON.parse, which comes after. */
  scan(): string | undefined {
    const text = this.#text;
    while (this.#at < text.length) {
      const refusal = this.#token(text.charCodeAt(this.#at));
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #token(code: number): string | undefined {
    if (code === QUOTE) return this.#string();
    if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return this.#number();
    this.#at++;
    if (code === 0x7b || code === 0x5b) return this.#open(code === 0x7b);
    if (code === 0x7d || code === 0x5d) this.#stack.pop();
    else if (code === 0x2c) this.#comma();
    return undefined;
  }

  #open(object: boolean): string | undefined {
    if (this.#stack.length === this.#maxDepth)
      return `nested too deeply: at most ${this.#maxDepth} levels are accepted`;
    this.#stack.push(
      object ? { kind: "object", keys: new Set(), key: "", expectsKey: true } : { kind: "array", index: 0 },
    );
    return undefined;
  }

  #comma(): void {
    const container = this.#stack.at(-1);
    if (container?.kind === "object") container.expectsKey = true;
    else if (container) container.index++;
  }

  #string(): string | undefined {
    const text = this.#text;
    const start = this.#at;
    let end = text.indexOf('"', start + 1);
    while (end !== -1 && this.#escaped(end)) end = text.indexOf('"', end + 1);
    this.#at = end === -1 ? text.length : end + 1;
    const container = this.#stack.at(-1);
    if (container?.kind !== "object" || !container.expectsKey || end === -1) return undefined;
    container.expectsKey = false;
    container.key = decodeKey(text.slice(start, end + 1));
    if (container.key === "__proto__") return `${this.#path()}: a field named "__proto__" is not accepted`;
    if (container.keys.has(container.key)) this.duplicates.push(this.#path());
    container.keys.add(container.key);
    return undefined;
  }

  /** Whether the quote at `position` is escaped: an odd number of backslashes stands before it. */
  #escaped(position: number): boolean {
    let backslashes = 0;
    while (this.#text.charCodeAt(position - 1 - backslashes) === BACKSLASH) backslashes++;
    return backslashes % 2 === 1;
  }

  #number(): string | undefined {
    const start = this.#at;
    let code = this.#text.charCodeAt(++this.#at);
    while (
      (code >= 0x30 && code <= 0x39) ||
      code === 0x2e ||
      code === 0x2b ||
      code === 0x2d ||
      (code | 0x20) === 0x65
    ) {
      code = this.#text.charCodeAt(++this.#at);
    }
    const digits = this.#text.slice(start, this.#at);
    if (/[.eE]/.test(digits)) {
      const isInfinite = Math.abs(Number(digits)) === Number.POSITIVE_INFINITY;
      return isInfinite ? `${this.#path()}: number ${digits.slice(0, 40)} is too large to be kept` : undefined;
    }
    if (digits.length < 16 || Number.isSafeInteger(Number(digits))) return undefined;
    return `${this.#path()}: integer ${digits.slice(0, 40)} cannot be kept exactly: write it as a string, or within ±9007199254740991`;
  }

  #path(): string {
    let path = "";
    for (const container of this.#stack) {
      if (container.kind === "array") path += `[${container.index}]`;
      else path += path === "" ? container.key : `.${container.key}`;
    }
    return path;
  }
}

function decodeKey(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted; // a bad escape: JSON.parse of the whole text says so
  }
}

/** The value of `text`, and the paths of fields that stand in it twice (the last one counts, as in Kubernetes). */
export function parseJsonText(text: string, maxDepth = MAX_DEPTH): ParsedJson {
  const scanner = new Scanner(text, maxDepth);
  const refusal = scanner.scan();
  if (refusal !== undefined) return { kind: "error", message: refusal };
  try {
    return { kind: "ok", value: JSON.parse(text), duplicates: scanner.duplicates };
  } catch (error) {
    return { kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
}
