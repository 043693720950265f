// JSON Patch (RFC 6902) as the API server takes it: all operations or none, bounded.

import { equalJson, isJsonArray, isJsonObject, type Json } from "../../json.ts";

/** Kubernetes' own limit. */
const MAX_OPERATIONS = 10_000;

/** `copy` doubles a document with a few bytes each time; the sum of what is copied is bounded instead of the result. */
const MAX_COPIED_CHARACTERS = 3 * 1024 * 1024;

/** The changed document, or why the patch cannot be applied to it. */
export type Patched =
  | { readonly kind: "ok"; readonly value: Json }
  | { readonly kind: "error"; readonly message: string };

class Refusal extends Error {}

function parsePointer(pointer: unknown): readonly string[] {
  if (typeof pointer !== "string" || (pointer !== "" && !pointer.startsWith("/"))) {
    throw new Refusal(`a path must begin with "/": ${JSON.stringify(pointer)}`);
  }
  return pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function indexOf(list: readonly Json[], token: string, limit: number): number {
  const index = /^(0|[1-9]\d{0,8})$/.test(token) ? Number(token) : -1;
  if (index < 0 || index >= limit)
    throw new Refusal(`index ${JSON.stringify(token)} is out of the range of a list of ${list.length}`);
  return index;
}

function child(parent: Json, token: string): Json {
  if (isJsonArray(parent)) return parent[indexOf(parent, token, parent.length)]!;
  if (isJsonObject(parent) && Object.hasOwn(parent, token)) return parent[token]!;
  throw new Refusal(`there is no field ${JSON.stringify(token)}`);
}

function valueAt(root: Json, tokens: readonly string[]): Json {
  return tokens.reduce(child, root);
}

/** `root` with `change` done to the container that holds the last token. */
function changed(root: Json, tokens: readonly string[], change: (parent: Json, token: string) => Json): Json {
  const [token, ...rest] = tokens;
  if (token === undefined) throw new Refusal("the whole document cannot be the target");
  if (rest.length === 0) return change(root, token);
  const inner = changed(child(root, token), rest, change);
  if (isJsonArray(root)) return root.with(Number(token), inner);
  return { ...(root as object), [token]: inner };
}

function added(parent: Json, token: string, value: Json): Json {
  if (isJsonArray(parent)) {
    const index = token === "-" ? parent.length : indexOf(parent, token, parent.length + 1);
    return parent.toSpliced(index, 0, value);
  }
  if (!isJsonObject(parent)) throw new Refusal(`${JSON.stringify(token)} cannot be added to a ${typeof parent}`);
  if (token === "__proto__") throw new Refusal('a field named "__proto__" is not accepted');
  return { ...parent, [token]: value };
}

function removed(parent: Json, token: string): Json {
  child(parent, token);
  if (isJsonArray(parent)) return parent.toSpliced(Number(token), 1);
  const { [token]: _, ...rest } = parent as Readonly<Record<string, Json>>;
  return rest;
}

function add(root: Json, path: unknown, value: Json | undefined): Json {
  if (value === undefined) throw new Refusal("the operation has no value");
  const tokens = parsePointer(path);
  return tokens.length === 0 ? value : changed(root, tokens, (parent, token) => added(parent, token, value));
}

function remove(root: Json, path: unknown): Json {
  return changed(root, parsePointer(path), removed);
}

function replace(root: Json, path: unknown, value: Json | undefined): Json {
  if (value === undefined) throw new Refusal("the operation has no value");
  const tokens = parsePointer(path);
  if (tokens.length === 0) return value;
  return changed(root, tokens, (parent, token) => {
    child(parent, token);
    return isJsonArray(parent) ? parent.with(Number(token), value) : { ...(parent as object), [token]: value };
  });
}

class Patcher {
  #copied = 0;

  apply(root: Json, operation: Json): Json {
    if (!isJsonObject(operation)) throw new Refusal("an operation must be an object");
    const { op, path, from, value } = operation as { readonly [key: string]: Json | undefined };
    switch (op) {
      case "add":
        return add(root, path, value);
      case "remove":
        return remove(root, path);
      case "replace":
        return replace(root, path, value);
      case "move": {
        if (`${path}`.startsWith(`${from}/`)) throw new Refusal("a value cannot be moved into itself");
        return add(remove(root, from), path, valueAt(root, parsePointer(from)));
      }
      case "copy":
        return add(root, path, this.#counted(valueAt(root, parsePointer(from))));
      case "test":
        if (value !== undefined && equalJson(valueAt(root, parsePointer(path)), value)) return root;
        throw new Refusal("testing the value failed");
      default:
        throw new Refusal(`unknown operation ${JSON.stringify(op)}`);
    }
  }

  #counted(value: Json): Json {
    this.#copied += JSON.stringify(value).length;
    if (this.#copied > MAX_COPIED_CHARACTERS) throw new Refusal("the patch copies too much");
    return value;
  }
}

/** `document` after all operations; the error names the operation that cannot be done. */
export function applyJsonPatch(document: Json, operations: Json): Patched {
  if (!isJsonArray(operations)) return { kind: "error", message: "a JSON patch must be a list of operations" };
  if (operations.length > MAX_OPERATIONS) {
    return {
      kind: "error",
      message: `a JSON patch may have at most ${MAX_OPERATIONS} operations: ${operations.length}`,
    };
  }
  const patcher = new Patcher();
  let value = document;
  for (const [index, operation] of operations.entries()) {
    try {
      value = patcher.apply(value, operation);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const path = isJsonObject(operation) ? ` (${String(operation.op)} ${String(operation.path)})` : "";
      return { kind: "error", message: `operation ${index}${path}: ${error.message}` };
    }
  }
  return { kind: "ok", value };
}
