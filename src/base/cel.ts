// Common Expression Language, as far as access log filters need it: text → syntax tree. No macros but has(), no decimal numbers, no maps or
// messages; what is not read is refused by name. Precedence: github.com/google/cel-spec, doc/langdef.md.

export type Cel =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "select"; readonly of: Cel; readonly field: string }
  | { readonly kind: "index"; readonly of: Cel; readonly key: Cel }
  | { readonly kind: "list"; readonly items: readonly Cel[] }
  | { readonly kind: "call"; readonly name: string; readonly on: Cel | undefined; readonly arguments: readonly Cel[] }
  | { readonly kind: "unary"; readonly operator: "!" | "-"; readonly of: Cel }
  | { readonly kind: "binary"; readonly operator: CelOperator; readonly left: Cel; readonly right: Cel }
  | { readonly kind: "choice"; readonly condition: Cel; readonly then: Cel; readonly otherwise: Cel };

const LEVELS = [["||"], ["&&"], ["==", "!=", "<=", ">=", "<", ">", "in"], ["+", "-"], ["*", "/", "%"]] as const;

export type CelOperator = (typeof LEVELS)[number][number];

export type CelParse = { readonly expression: Cel } | { readonly problem: string };

interface Token {
  readonly kind: "name" | "number" | "text" | "sign" | "end";
  readonly text: string;
  readonly at: number;
}

/** Deeper expressions are nobody's: they would only exhaust the stack. */
const MAX_DEPTH = 64;

const TOKEN =
  /\s*(?:(?<name>[A-Za-z_]\w*)|(?<number>0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?u?)|(?<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?<sign>\|\||&&|[=!<>]=|[-+*/%<>!?:.,()[\]]))/y;

class Refusal extends Error {}

/** A chain of operators is as deep as it is long. */
const MAX_LENGTH = 4_096;

export function parseCel(text: string): CelParse {
  if (text.length > MAX_LENGTH) return { problem: `longer than ${MAX_LENGTH} characters` };
  try {
    return { expression: new Parser(tokensOf(text)).whole() };
  } catch (thrown) {
    if (thrown instanceof Refusal) return { problem: thrown.message };
    throw thrown;
  }
}

function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (source.slice(at).trim() !== "") {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(source)?.groups;
    if (!groups) throw new Refusal(`not understood at "${source.slice(at).trim().slice(0, 20)}"`);
    for (const kind of ["name", "number", "text", "sign"] as const) {
      const text = groups[kind];
      if (text !== undefined) tokens.push({ kind, text, at });
    }
    at = TOKEN.lastIndex;
  }
  return [...tokens, { kind: "end", text: "the end", at }];
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/g, (_, sequence: string) => {
    if (sequence.length > 1) return String.fromCharCode(Number.parseInt(sequence.slice(1), 16));
    const character = ESCAPES[sequence] ?? (/["'`\\?]/.test(sequence) ? sequence : undefined);
    if (character === undefined) throw new Refusal(`unknown escape \\${sequence}`);
    return character;
  });
}

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Cel {
    const expression = this.#expression();
    if (this.#token.kind !== "end") this.#unexpected();
    return expression;
  }

  get #token(): Token {
    return this.#tokens[this.#position]!;
  }

  #unexpected(): never {
    throw new Refusal(`unexpected ${this.#token.text}`);
  }

  #take(sign: string): boolean {
    const { kind, text } = this.#token;
    if (text !== sign || (kind !== "sign" && kind !== "name")) return false;
    this.#position++;
    return true;
  }

  #expect(sign: string): void {
    if (!this.#take(sign)) throw new Refusal(`"${sign}" is missing before ${this.#token.text}`);
  }

  #expression(): Cel {
    if (++this.#depth > MAX_DEPTH) throw new Refusal(`nested deeper than ${MAX_DEPTH} levels`);
    const condition = this.#binary(0);
    let expression = condition;
    if (this.#take("?")) {
      const then = this.#binary(0);
      this.#expect(":");
      expression = { kind: "choice", condition, then, otherwise: this.#expression() };
    }
    this.#depth--;
    return expression;
  }

  #binary(level: number): Cel {
    const operators = LEVELS[level];
    if (!operators) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const operator = operators.find((sign) => this.#take(sign));
      if (!operator) return left;
      left = { kind: "binary", operator, left, right: this.#binary(level + 1) };
    }
  }

  #unary(): Cel {
    const signs: ("!" | "-")[] = [];
    for (;;) {
      const sign = this.#take("!") ? "!" : this.#take("-") ? "-" : undefined;
      if (!sign) break;
      signs.push(sign);
    }
    return signs.reduceRight<Cel>((of, operator) => ({ kind: "unary", operator, of }), this.#member());
  }

  #member(): Cel {
    let of = this.#primary();
    for (;;) {
      if (this.#take(".")) {
        const field = this.#name();
        of = this.#take("(")
          ? { kind: "call", name: field, on: of, arguments: this.#list(")") }
          : { kind: "select", of, field };
      } else if (this.#take("[")) {
        of = { kind: "index", of, key: this.#expression() };
        this.#expect("]");
      } else return of;
    }
  }

  #name(): string {
    const { kind, text } = this.#token;
    if (kind !== "name") this.#unexpected();
    this.#position++;
    return text;
  }

  #list(end: ")" | "]"): readonly Cel[] {
    const items: Cel[] = [];
    while (!this.#take(end)) {
      items.push(this.#expression());
      if (this.#take(",")) continue;
      this.#expect(end);
      break;
    }
    return items;
  }

  #primary(): Cel {
    const { kind, text } = this.#token;
    if (this.#take("(")) {
      const inner = this.#expression();
      this.#expect(")");
      return inner;
    }
    if (this.#take("[")) return { kind: "list", items: this.#list("]") };
    switch (kind) {
      case "number":
        this.#position++;
        return { kind: "literal", value: wholeNumber(text) };
      case "text":
        this.#position++;
        return { kind: "literal", value: unquoted(text) };
      case "name":
        this.#position++;
        return this.#named(text);
      default:
        this.#unexpected();
    }
  }

  #named(name: string): Cel {
    if (name === "in") throw new Refusal("unexpected in");
    if (name === "true" || name === "false") return { kind: "literal", value: name === "true" };
    if (name === "null") return { kind: "literal", value: null };
    return this.#take("(") ? { kind: "call", name, on: undefined, arguments: this.#list(")") } : { kind: "name", name };
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || /[.eu]/.test(text.replace(/^0x.*/, "")))
    throw new Refusal(`${text} is no integer`);
  return value;
}
