// A kind's table as a structural schema, the part of OpenAPI v3 that Kubernetes' API server builds on.

import type { Fields, NumberSchema, RecordSchema, Schema, TextSchema } from "../dialect/schema.ts";
import type { Schema as Structural, ValidationRule } from "../kube/schema.ts";
import { kindSchema } from "../kube/schemas/meta.ts";
import { Budget, type Cardinality, timesOf, within } from "./cost.ts";
import { partOf, type ReferenceKind } from "./kinds.ts";
import { DURATION, entryBounds, itemBounds, textLimits } from "./patterns.ts";
import { KEPT, LIST_KEYS, NUMBERS, PATTERNS, RULES, SNAKE_CASE } from "./rules.ts";
import { descriptionOf } from "./words.ts";

/** The schema of whole objects of a kind. */
export function structuralSchema(kind: ReferenceKind): Structural {
  const { about, table } = kind;
  const writer = new Writer(kind);
  const part = (name: "spec" | "status") => {
    const schema = partOf(kind, name);
    return schema ? { [name]: writer.value(schema, { path: [name], cardinality: 1 }) } : {};
  };
  const whole = kindSchema(about, { ...part("spec"), ...part("status") });
  return table.schema.fields.spec?.required ? { ...whole, required: ["spec"] } : whole;
}

interface Place {
  readonly path: readonly string[];
  readonly cardinality: Cardinality;
}

class Writer {
  readonly #kind: ReferenceKind;
  readonly #budget = new Budget();

  constructor(kind: ReferenceKind) {
    this.#kind = kind;
  }

  value(schema: Schema, place: Place): Structural {
    const description = descriptionOf(schema, this.#kind.words(place.path));
    return { ...(description === "" ? {} : { description }), ...this.#shape(schema, place) };
  }

  #shape(schema: Schema, place: Place): Structural {
    switch (schema.type) {
      case "text":
        return this.#ruled({ ...textOf(schema), ...this.#pattern(place) }, place);
      case "choice":
        return { type: "string", enum: schema.choices };
      case "duration":
        return this.#duration(schema.minMs, place);
      case "whole":
      case "number":
        return this.#ruled({ ...numberOf(schema), ...this.#numbers(place) }, place);
      case "flag":
        return { type: "boolean" };
      case "port-or-name":
        return { "x-kubernetes-int-or-string": true };
      case "list": {
        const items = this.#shape(schema.items, this.#below(place, schema.most));
        return this.#ruled({ type: "array", items, ...itemBounds(schema), ...this.#keyed(place) }, place);
      }
      case "map": {
        const values = this.#shape(schema.values, this.#below(place, schema.most));
        return this.#ruled({ type: "object", additionalProperties: values, ...entryBounds(schema) }, place);
      }
      case "record":
        return this.#record(schema, place);
      case "later":
        // Kept as it is: an object must not lose what a later version will act on.
        return { "x-kubernetes-preserve-unknown-fields": true };
    }
  }

  #below({ path, cardinality }: Place, bound: number | undefined): Place {
    return { path, cardinality: within(cardinality, bound) };
  }

  #numbers({ path }: Place): { readonly enum?: readonly number[] } {
    const numbers = found(NUMBERS[this.#kind.table.kind], path);
    return numbers ? { enum: numbers } : {};
  }

  #pattern({ path }: Place): { readonly pattern?: string } {
    const pattern = found(PATTERNS, path);
    return pattern ? { pattern } : {};
  }

  #keyed({ path }: Place): Pick<Structural, "x-kubernetes-list-type" | "x-kubernetes-list-map-keys"> {
    const key = found(LIST_KEYS[this.#kind.table.kind], path);
    return key ? { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] } : {};
  }

  #duration(minMs: number, { cardinality }: Place): Structural {
    const least = `${minMs}ms`;
    const rule = `duration(self) >= duration('${least}')`;
    const message =
      minMs === 0 ? "must be a duration such as 5s or 1m30s" : `must be a duration of at least ${least}, such as 5s`;
    if (this.#budget.pays(4, timesOf(cardinality, 2), true))
      return { type: "string", "x-kubernetes-validations": [{ rule, message }] };
    return { type: "string", pattern: DURATION };
  }

  #record(schema: RecordSchema, place: Place): Structural {
    const { fields, exclusive = [], open } = schema;
    const properties = { ...this.#properties(fields, place), ...this.#kept(place) };
    const names = Object.entries(fields).flatMap(([name, field]) => (field.required ? [name] : []));
    const shape: Structural = {
      type: "object",
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
      ...(names.length > 0 ? { required: names } : {}),
      ...(open ? { "x-kubernetes-preserve-unknown-fields": true } : {}),
    };
    return this.#ruled(
      exclusive.reduce((so, group) => this.#exclusive(so, group, place), shape),
      place,
    );
  }

  #properties(fields: Fields, { path, cardinality }: Place): Readonly<Record<string, Structural>> {
    return Object.fromEntries(
      Object.entries(fields).flatMap(([name, field]) => {
        const schema = this.value(field, { path: [...path, name], cardinality });
        const other = SNAKE_CASE[name];
        return other === undefined
          ? [[name, schema]]
          : [
              [name, schema],
              [other, { ...schema, description: `As ${name}` }],
            ];
      }),
    );
  }

  #kept({ path }: Place): Readonly<Record<string, Structural>> {
    const kept = found(KEPT[this.#kind.table.kind], path);
    if (!kept) return {};
    return {
      [kept]: {
        description: "Not supported yet: an object with it is refused",
        "x-kubernetes-preserve-unknown-fields": true,
      },
    };
  }

  /** In CEL, whose message is for people, as long as the API server can afford it. */
  #exclusive(shape: Structural, group: readonly string[], { cardinality }: Place): Structural {
    if (Object.keys(shape.properties ?? {}).every((name) => group.includes(name)))
      return { ...shape, maxProperties: 1 };
    const rule = {
      rule:
        group.length === 2
          ? `!(${group.map(has).join(" && ")})`
          : `${group.map((name) => `(${has(name)} ? 1 : 0)`).join(" + ")} <= 1`,
      message: `${group.join(", ")}: one of them at most`,
    };
    // A field that may be anything has no type, and CEL does not know it.
    const known = group.every((name) => isTyped(shape.properties?.[name]));
    if (known && this.#budget.pays(group.length === 2 ? 5 : 3 * group.length, timesOf(cardinality, minSize(shape))))
      return withRule(shape, rule);
    const one = group.map((name) => ({ required: [name] }));
    const choices = [{ not: { anyOf: one } }, ...one];
    // Two groups are two choices: of one alone both could be made at once.
    return shape.oneOf
      ? { ...shape, allOf: [...(shape.allOf ?? []), { oneOf: choices }] }
      : { ...shape, oneOf: choices };
  }

  #ruled(shape: Structural, { path, cardinality }: Place): Structural {
    const rules = (found(RULES[this.#kind.table.kind], path) ?? []).filter(
      ({ on }) => on === undefined || on === formOf(shape),
    );
    return rules.reduce((so, { cost, on: _, ...rule }) => {
      return this.#budget.pays(cost, timesOf(cardinality, minSize(so))) ? withRule(so, rule) : so;
    }, shape);
  }
}

/** By the longest end of the path that is named. */
function found<T>(by: Readonly<Record<string, T>> | undefined, path: readonly string[]): T | undefined {
  if (!by) return undefined;
  for (let from = 0; from < path.length; from++) {
    const key = path.slice(from).join(".");
    if (Object.hasOwn(by, key)) return by[key];
  }
  return undefined;
}

function isTyped(shape: Structural | undefined): boolean {
  return shape?.type !== undefined;
}

function has(name: string): string {
  return `has(self.${name})`;
}

function formOf({ type, additionalProperties }: Structural): string | undefined {
  return additionalProperties ? "map" : type;
}

function withRule(shape: Structural, rule: ValidationRule): Structural {
  return { ...shape, "x-kubernetes-validations": [...(shape["x-kubernetes-validations"] ?? []), rule] };
}

function textOf(schema: TextSchema): Structural {
  return { type: "string", ...(schema.notEmpty ? { minLength: 1 } : {}), ...textLimits(schema) };
}

function numberOf({ type, min, max }: NumberSchema): Structural {
  const limits = { minimum: min, maximum: max };
  return type === "whole" ? { type: "integer", ...limits } : { type: "number", ...limits };
}

/** Bytes of the shortest value, as the API server reckons them: `{}`, `""`, and what is required. */
function minSize(shape: Structural): number {
  if (shape.type !== "object") return shape.type === "string" || shape.type === "array" ? 2 : 1;
  const required = (shape.required ?? []).map((name) => name.length + 4 + minSize(shape.properties?.[name] ?? {}));
  return 2 + required.reduce((sum, size) => sum + size, 0);
}
