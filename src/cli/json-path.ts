// kubectl's JSONPath (k8s.io/client-go/util/jsonpath): templates as `{range .items[*]}{.metadata.name}{"\n"}{end}`, and what a path leads to.

import { EXIT, Failure } from "../base/failure.ts";

type Step =
  | { readonly kind: "field"; readonly names: readonly string[] }
  | { readonly kind: "every" }
  /** Of a list; a negative one counts from the end. */
  | { readonly kind: "element"; readonly indices: readonly number[] }
  | { readonly kind: "slice"; readonly from?: number; readonly to?: number; readonly by: number }
  | { readonly kind: "filter"; readonly left: Operand; readonly test?: Test }
  /** This, and everything below it. */
  | { readonly kind: "below" };

interface Test {
  readonly operator: string;
  readonly right: Operand;
}

type Operand = { readonly kind: "path"; readonly path: Path } | { readonly kind: "value"; readonly value: unknown };

export interface Path {
  /** From the whole document (`$`), and not from where the template is. */
  readonly absolute: boolean;
  readonly steps: readonly Step[];
}

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "range"; readonly path: Path; readonly body: Template };

export type Template = readonly Part[];

/** How deep ranges may stand in each other: kubectl's own templates need two. */
const MAX_DEPTH = 16;

/** Throws a Failure that says where the template is wrong. */
export function parseTemplate(text: string): Template {
  const reader = new Reader(text);
  const parts = reader.parts(0);
  if (!reader.isAtEnd) reader.fail("{end} ends no {range}");
  return parts;
}

/** As custom columns have it: `.metadata.name`, `metadata.name` and `{.metadata.name}` are the same. */
export function parsePath(text: string): Path {
  const inner = /^\{(.*)\}$/s.exec(text)?.[1] ?? text;
  const reader = new Reader(/^[.[$@]/.test(inner) ? inner : `.${inner}`);
  const path = reader.path();
  if (!reader.isAtEnd) reader.fail("the path goes on after its end");
  return path;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  fail(problem: string): never {
    throw new Failure(`not JSONPath: ${problem}, at character ${this.#at + 1} of ${JSON.stringify(this.#text)}`, {
      hint: "jsonpath='{.items[*].metadata.name}', custom-columns=NAME:.metadata.name",
      exit: EXIT.usage,
    });
  }

  /** Up to the end, or to the {end} of the range that they are in. */
  parts(depth: number): Template {
    const parts: Part[] = [];
    while (!this.isAtEnd) {
      const text = this.#take(/[^{]*/y);
      if (text) parts.push({ kind: "text", text });
      if (this.isAtEnd || this.#peek(/\{\s*end\s*\}/y)) break;
      this.#expression(parts, depth);
    }
    return parts;
  }

  #expression(parts: Part[], depth: number): void {
    this.#take(/\{\s*/y);
    if (this.#take(/range\s+/y) !== undefined) {
      if (depth >= MAX_DEPTH) this.fail("more ranges than can stand in each other");
      const path = this.path();
      this.#close();
      const body = this.parts(depth + 1);
      if (this.#take(/\{\s*end\s*\}/y) === undefined) this.fail("{range} has no {end}");
      parts.push({ kind: "range", path, body });
      return;
    }
    // Several stand side by side: {.a"\t"}.
    do {
      const text = this.#literal();
      parts.push(text === undefined ? { kind: "path", path: this.path() } : { kind: "text", text });
      this.#take(/\s*/y);
    } while (!this.isAtEnd && this.#text[this.#at] !== "}");
    this.#close();
  }

  #close(): void {
    if (this.#take(/\s*\}/y) === undefined) this.fail("} is missing");
  }

  path(): Path {
    const absolute = this.#take(/\$/y) !== undefined;
    const isHere = !absolute && this.#take(/@/y) !== undefined;
    const steps: Step[] = [];
    for (let step = this.#step(); step; step = this.#step()) steps.push(...step);
    if (steps.length === 0 && !absolute && !isHere && this.#take(/\./y) === undefined) this.fail("no path");
    return { absolute, steps };
  }

  #step(): readonly Step[] | undefined {
    if (this.#take(/\.\./y) !== undefined) {
      const name = this.#name();
      const step = name === undefined ? this.#bracket() : [fieldOf(name)];
      return [{ kind: "below" }, ...(step ?? this.fail("nothing is named after .."))];
    }
    const [, written] = this.#match(/\.(?=[^.[\s}=!<>)\]])/y) ?? [];
    if (written !== undefined) {
      const name = this.#name();
      return [name === undefined ? this.fail("no name of a field") : fieldOf(name)];
    }
    if (this.#peek(/\.\[/y)) this.#at += 1;
    return this.#bracket();
  }

  /** `\.` is a point in the name. */
  #name(): string | undefined {
    return this.#take(/(?:\\.|[^\\.[\]\s{}'"=!<>()@$,|&])+/y)?.replaceAll(/\\(.)/g, "$1");
  }

  #bracket(): readonly Step[] | undefined {
    if (this.#take(/\[\s*/y) === undefined) return undefined;
    if (this.#take(/\*\s*\]/y) !== undefined) return [{ kind: "every" }];
    if (this.#take(/\?\(\s*/y) !== undefined) return [this.#filter()];
    const names = this.#names();
    if (names) return [{ kind: "field", names }];
    const written = this.#take(/[-\d:,\s]+(?=\])/y);
    if (written === undefined || !this.#take(/\]/y)) this.fail("no index, name, * or ?( ) between [ ]");
    return [this.#indices(written.trim())];
  }

  #names(): readonly string[] | undefined {
    const first = this.#literal();
    if (first === undefined) return undefined;
    const names = [first];
    while (this.#take(/\s*,\s*/y) !== undefined) names.push(this.#literal() ?? this.fail("no name in quotes"));
    if (this.#take(/\s*\]/y) === undefined) this.fail("] is missing");
    return names;
  }

  #indices(text: string): Step {
    if (/^-?\d+(?:\s*,\s*-?\d+)*$/.test(text)) return { kind: "element", indices: text.split(",").map(Number) };
    const [, from, to, by] = /^(-?\d+)?:(-?\d+)?(?::(\d+))?$/.exec(text) ?? this.fail("no index");
    const step = by === undefined ? 1 : Number(by);
    if (step === 0) this.fail("a step of 0 leads nowhere");
    return {
      kind: "slice",
      by: step,
      ...(from === undefined ? {} : { from: Number(from) }),
      ...(to === undefined ? {} : { to: Number(to) }),
    };
  }

  #filter(): Step {
    const left = this.#operand();
    const operator = this.#take(/\s*(?:==|!=|<=|>=|<|>)\s*/y)?.trim();
    const right = operator === undefined ? undefined : this.#operand();
    if (this.#take(/\s*\)\s*\]/y) === undefined) this.fail(')] is missing: a filter is [?(@.name=="web")]');
    return { kind: "filter", left, ...(operator && right ? { test: { operator, right } } : {}) };
  }

  #operand(): Operand {
    const text = this.#literal();
    if (text !== undefined) return { kind: "value", value: text };
    const plain = this.#take(/-?\d+(?:\.\d+)?|true|false|null/y);
    if (plain !== undefined) return { kind: "value", value: JSON.parse(plain) };
    return { kind: "path", path: this.path() };
  }

  /** In either quotes, with \n, \t and the like. */
  #literal(): string | undefined {
    const [, double, single] = this.#match(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/sy) ?? [];
    const written = double ?? single;
    const meant: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "0": "\0" };
    return written?.replaceAll(/\\(.)/gs, (_, letter: string) => meant[letter] ?? letter);
  }

  #match(pattern: RegExp): readonly (string | undefined)[] | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return undefined;
    this.#at = pattern.lastIndex;
    return [found[0], ...found.slice(1), ""];
  }

  #take(pattern: RegExp): string | undefined {
    return this.#match(pattern)?.[0];
  }

  #peek(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }
}

function fieldOf(name: string): Step {
  return name === "*" ? { kind: "every" } : { kind: "field", names: [name] };
}

/** What a path leads to: nothing where a field is not there. */
export function valuesAt(path: Path, here: unknown, whole: unknown = here): readonly unknown[] {
  let values: readonly unknown[] = [path.absolute ? whole : here];
  for (const step of path.steps) values = values.flatMap((value) => after(step, value, whole));
  return values;
}

function after(step: Step, value: unknown, whole: unknown): readonly unknown[] {
  switch (step.kind) {
    case "field":
      return step.names.flatMap((name) => fieldIn(value, name));
    case "every":
      return membersOf(value);
    case "element":
      return Array.isArray(value) ? step.indices.flatMap((index) => elementAt(value, index)) : [];
    case "slice":
      return Array.isArray(value) ? value.slice(step.from, step.to).filter((_, i) => i % step.by === 0) : [];
    case "filter":
      return membersOf(value).filter((member) => fits(step, member, whole));
    case "below":
      return [value, ...membersOf(value).flatMap((member) => after(step, member, whole))];
  }
}

function fieldIn(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return [];
  return [(value as Readonly<Record<string, unknown>>)[name]];
}

function elementAt(list: readonly unknown[], index: number): readonly unknown[] {
  return index >= -list.length && index < list.length ? [list.at(index)] : [];
}

function membersOf(value: unknown): readonly unknown[] {
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

function fits({ left, test }: Extract<Step, { kind: "filter" }>, member: unknown, whole: unknown): boolean {
  const of = (operand: Operand): readonly unknown[] =>
    operand.kind === "value" ? [operand.value] : valuesAt(operand.path, member, whole);
  const [first] = of(left);
  if (!test) return first !== undefined;
  const [second] = of(test.right);
  return first !== undefined && second !== undefined && compared(first, test.operator, second);
}

function compared(a: unknown, operator: string, b: unknown): boolean {
  const isOrdered = typeof a === typeof b && (typeof a === "number" || typeof a === "string");
  const order = isOrdered && (a as string) < (b as string) ? -1 : isOrdered && (a as string) > (b as string) ? 1 : 0;
  switch (operator) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return order < 0;
    case ">":
      return order > 0;
    case "<=":
      return isOrdered && order <= 0;
    default:
      return isOrdered && order >= 0;
  }
}

export function renderTemplate(template: Template, here: unknown, whole: unknown = here): string {
  return template.map((part) => partText(part, here, whole)).join("");
}

function partText(part: Part, here: unknown, whole: unknown): string {
  if (part.kind === "text") return part.text;
  const values = valuesAt(part.path, here, whole);
  if (part.kind === "path") return values.map(valueText).join(" ");
  return values.map((value) => renderTemplate(part.body, value, whole)).join("");
}

/** Text as it is, all else as JSON. */
function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
