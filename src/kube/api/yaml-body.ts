// YAML bodies. The library's own conversion can be made to work for minutes by a few kilobytes (keys that are collections,
// its comparison of every key with every other, aliases of aliases), so the tree is converted here, within bounds.

import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from "yaml";
import { MAX_DEPTH, type ParsedJson } from "../../base/json-text.ts";
import { looksTooDeep } from "../../base/nesting.ts";
import type { Json } from "../json.ts";

/** Parsing costs about 3 µs a byte in the worst case: this is below a second, and a hundred times what people write by hand. */
const MAX_YAML_BYTES = 256 * 1024;

/** More nodes than that many bytes can spell come from aliases alone. */
const MAX_NODES = MAX_YAML_BYTES;

class Refusal extends Error {}

class Converter {
  readonly duplicates: string[] = [];
  /** Filled on the way: an alias refers to what stands before it. The library would search the document for each. */
  readonly #anchors = new Map<string, unknown>();
  #nodes = 0;

  value(node: unknown, path: string, depth: number): Json {
    if (++this.#nodes > MAX_NODES) throw new Refusal("aliases make the document too large");
    if (depth > MAX_DEPTH) throw new Refusal(`nested too deeply: at most ${MAX_DEPTH} levels are accepted`);
    if (isAlias(node)) return this.value(this.#anchors.get(node.source), path, depth + 1);
    if (isNode(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#scalar(node.value, path);
    if (isMap(node)) return this.#map(node, path, depth);
    if (isSeq(node)) return node.items.map((item, index) => this.value(item, `${path}[${index}]`, depth + 1));
    return null;
  }

  #scalar(value: unknown, path: string): Json {
    if (typeof value === "bigint") {
      const number = Number(value);
      if (Number.isSafeInteger(number)) return number;
      throw new Refusal(
        `${path}: integer ${value} cannot be kept exactly: write it as a string, or within ±9007199254740991`,
      );
    }
    if (typeof value === "number" && !Number.isFinite(value))
      throw new Refusal(`${path}: ${value} has no form in JSON`);
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
  }

  #map(node: YAMLMap, path: string, depth: number): Json {
    const fields = new Map<string, Json>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : undefined;
      if (name === undefined) throw new Refusal(`${path || "the document"}: a key must be a plain word`);
      const place = path === "" ? name : `${path}.${name}`;
      if (name === "__proto__") throw new Refusal(`${place}: a field named "__proto__" is not accepted`);
      if (fields.has(name)) this.duplicates.push(place);
      fields.set(name, this.value(value, place, depth + 1));
    }
    return Object.fromEntries(fields);
  }
}

const TOO_DEEP: ParsedJson = { kind: "error", message: "nested too deeply" };

/** The value of a YAML text, with the same refusals as parseJsonText. Several documents are an error. */
export function parseYamlText(text: string): ParsedJson {
  if (text.length > MAX_YAML_BYTES) {
    return { kind: "error", message: `YAML may have at most ${MAX_YAML_BYTES} bytes: send larger objects as JSON` };
  }
  if (looksTooDeep(text) !== undefined) return TOO_DEEP;
  try {
    const lines = new LineCounter();
    const document = parseDocument(text, {
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      intAsBigInt: true,
    });
    const [error] = document.errors;
    if (error?.code === "RESOURCE_EXHAUSTION") return TOO_DEEP;
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      return { kind: "error", message: `yaml: line ${line}, column ${col}: ${error.message}` };
    }
    const converter = new Converter();
    return { kind: "ok", value: converter.value(document.contents, "", 1), duplicates: converter.duplicates };
  } catch (error) {
    if (error instanceof Refusal) return { kind: "error", message: error.message };
    // The parser recurses into flow collections: brackets by the thousand end its stack, not the process.
    if (error instanceof RangeError) return TOO_DEEP;
    throw error;
  }
}
