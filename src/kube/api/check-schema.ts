// An object against the schema of its kind: what is wrong with it, and which fields nobody knows. The wording is that of
// Kubernetes' validation of custom resources, for all kinds.

import { type FieldError, invalid, notSupported, required, tooLong, tooMany, wrongType } from "../field-error.ts";
import { isJsonArray, isJsonObject, type Json, type JsonObject } from "../json.ts";
import { fieldOf, isOpen, type Schema } from "../schema.ts";

/** Errors refuse the write; unknown fields are refused or warned about, as the client asked. */
export interface SchemaFindings {
  readonly errors: readonly FieldError[];
  /** Paths of fields that the schema does not name. */
  readonly unknown: readonly string[];
}

/** Enough for a person to act on; a hostile object must not make a reply larger than itself. */
const MAX_FINDINGS = 100;

function typeOf(value: Json): string {
  if (value === null) return "null";
  if (isJsonArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function isOfType(value: Json, wanted: string): boolean {
  const found = typeOf(value);
  return found === wanted || (found === "integer" && wanted === "number");
}

function joined(path: string, name: string): string {
  return path === "" ? name : /^[\w-]+$/.test(name) ? `${path}.${name}` : `${path}[${name}]`;
}

class Checker {
  readonly errors: FieldError[] = [];
  readonly unknown: string[] = [];
  readonly #regularExpressions = new Map<string, RegExp>();

  check(value: Json, schema: Schema, path: string): void {
    if (this.errors.length >= MAX_FINDINGS || this.unknown.length >= MAX_FINDINGS) return;
    if (value === null && schema.nullable) return;
    if (schema["x-kubernetes-int-or-string"]) {
      if (!isOfType(value, "integer") && !isOfType(value, "string")) {
        this.errors.push(wrongType(path, typeOf(value), "integer or string"));
      }
      return;
    }
    if (schema.type && !isOfType(value, schema.type)) {
      this.errors.push(wrongType(path, typeOf(value), schema.type));
      return;
    }
    if (schema.enum && !schema.enum.includes(value)) this.errors.push(notSupported(path, value, schema.enum));
    if (isJsonObject(value)) this.#object(value, schema, path);
    else if (isJsonArray(value)) this.#array(value, schema, path);
    else if (typeof value === "string") this.#string(value, schema, path);
    else if (typeof value === "number") this.#number(value, schema, path);
  }

  #object(value: JsonObject, schema: Schema, path: string): void {
    for (const name of schema.required ?? []) {
      if (!Object.hasOwn(value, name)) this.errors.push(required(joined(path, name)));
    }
    for (const [name, item] of Object.entries(value)) {
      const field = fieldOf(schema, name);
      if (field.schema) this.check(item, field.schema, joined(path, name));
      else if (!isOpen(schema)) this.unknown.push(joined(path, name));
    }
  }

  #array(value: readonly Json[], schema: Schema, path: string): void {
    const { maxItems, minItems, items } = schema;
    if (maxItems !== undefined && value.length > maxItems) this.errors.push(tooMany(path, value.length, maxItems));
    if (minItems !== undefined && value.length < minItems) {
      this.errors.push(invalid(path, value.length, `${path} in body should have at least ${minItems} items`));
    }
    if (items) for (const [index, item] of value.entries()) this.check(item, items, `${path}[${index}]`);
  }

  #string(value: string, schema: Schema, path: string): void {
    const { maxLength, minLength, pattern, format } = schema;
    if (maxLength !== undefined && value.length > maxLength) this.errors.push(tooLong(path, maxLength));
    if (minLength !== undefined && value.length < minLength) {
      this.errors.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
    }
    if (pattern !== undefined && !this.#expression(pattern).test(value)) {
      this.errors.push(invalid(path, value, `${path} in body should match '${pattern}'`));
    }
    if (format === "byte" && !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
      // Not shown: what is base64 by its schema is a Secret's data more often than not.
      this.errors.push({ reason: "FieldValueInvalid", field: path, message: "Invalid value: not valid base64" });
    }
  }

  #number(value: number, schema: Schema, path: string): void {
    const { minimum, maximum, format } = schema;
    if (minimum !== undefined && value < minimum) {
      this.errors.push(invalid(path, value, `${path} in body should be greater than or equal to ${minimum}`));
    }
    if (maximum !== undefined && value > maximum) {
      this.errors.push(invalid(path, value, `${path} in body should be less than or equal to ${maximum}`));
    }
    if (format === "int32" && Math.abs(value) > 2 ** 31) {
      this.errors.push(invalid(path, value, `${path} in body must fit in 32 bits`));
    }
  }

  /** Patterns come from schemas, which are ours; never from objects. */
  #expression(pattern: string): RegExp {
    let expression = this.#regularExpressions.get(pattern);
    if (!expression) {
      expression = new RegExp(pattern);
      this.#regularExpressions.set(pattern, expression);
    }
    return expression;
  }
}

/** Checks a whole object, except metadata's values, which have rules of their own (check-metadata.ts). */
export function checkSchema(object: JsonObject, schema: Schema): SchemaFindings {
  const checker = new Checker();
  checker.check(object, schema, "");
  return { errors: checker.errors, unknown: checker.unknown };
}
