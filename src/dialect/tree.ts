// A syntax tree → the plain value it stands for, in one pass. The library's own conversion looks each alias up by walking the whole
// document, and compares each key with every other: both are quadratic, and a file is input from strangers.

import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from "yaml";
import type { Message } from "../model/message.ts";
import * as diagnostics from "./diagnostics.ts";
import * as inputDiagnostics from "./input-diagnostics.ts";
import type { ReadLimits } from "./limits.ts";

export interface Problem {
  readonly message: Message;
  /** Offsets in the document's text. */
  readonly from: number;
  readonly to: number;
}

export type TreeValue =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/** Maps, lists, strings, numbers, booleans and null. Of a key written twice in one map each repetition is a problem. */
export function valueOfTree(document: Document, limits: ReadLimits): TreeValue {
  const reader = new TreeReader(limits);
  const { value } = reader.read(document.contents, 0);
  return reader.problems.length > 0 ? { kind: "invalid", problems: reader.problems } : { kind: "value", value };
}

/** A value, how many values are in it with aliases expanded, and how deep they go. */
interface Sized {
  readonly value: unknown;
  readonly size: number;
  readonly height: number;
}

const NOTHING: Sized = { value: null, size: 1, height: 0 };

class TreeReader {
  readonly problems: Problem[] = [];
  readonly #limits: ReadLimits;
  readonly #anchors = new Map<string, Sized>();
  /** Fields that merges looked at: each is cheap to write and costs as many as the map that it names has. */
  #mergedFields = 0;
  #expanded = false;
  #stopped = false;

  constructor(limits: ReadLimits) {
    this.#limits = limits;
  }

  read(node: unknown, depth: number): Sized {
    if (this.#stopped) return NOTHING;
    if (isAlias(node)) return this.#alias(node.source, node, depth);
    const sized = this.#collectionOrScalar(node, depth);
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) this.#anchors.set(node.anchor, sized);
    return sized;
  }

  /** An anchor counts from its end on, so that an alias inside its own value has none. */
  #alias(name: string, node: Node, depth: number): Sized {
    const target = this.#anchors.get(name);
    this.#expanded = true;
    if (!target) this.#problem(diagnostics.unknownAlias(name), node);
    else if (depth + target.height > this.#limits.depth) this.#stop(diagnostics.tooDeep(this.#limits.depth), node);
    return target ?? NOTHING;
  }

  #collectionOrScalar(node: unknown, depth: number): Sized {
    if (isScalar(node)) {
      if (isUnkept(node)) this.#problem(inputDiagnostics.unkeptNumber(node.source ?? String(node.value)), node);
      return { value: node.value ?? null, size: 1, height: 0 };
    }
    if (!isMap(node) && !isSeq(node)) return NOTHING;
    if (depth >= this.#limits.depth) {
      this.#stop(diagnostics.tooDeep(this.#limits.depth), node);
      return NOTHING;
    }
    return isMap(node) ? this.#map(node, depth) : this.#list(node.items, node, depth);
  }

  #list(items: readonly unknown[], node: Node, depth: number): Sized {
    const read = items.map((item) => this.read(item, depth + 1));
    return this.#sized(
      read.map((item) => item.value),
      read,
      node,
    );
  }

  #map(node: YAMLMap, depth: number): Sized {
    const fields = new Map<string, Sized>();
    const merged = new Map<string, unknown>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value ?? "") : "";
      const read = this.read(value, depth + 1);
      if (name === "<<") this.#merge(read.value, merged, key);
      else if (fields.has(name)) this.#problem(diagnostics.duplicateKey(), key);
      else fields.set(name, read);
    }
    const own = [...fields].map(([name, field]): [string, unknown] => [name, field.value]);
    // fromEntries defines own properties, so that a key such as __proto__ is a key like any other. What is written beats what is merged.
    return this.#sized(Object.fromEntries([...merged, ...own]), [...fields.values()], node, merged.size);
  }

  /** `<<`: the fields of a map, or of several where the first that has one counts. */
  #merge(source: unknown, merged: Map<string, unknown>, key: unknown): void {
    const sources: readonly unknown[] = Array.isArray(source) ? source : [source];
    for (const each of sources) {
      if (this.#stopped) return;
      if (typeof each !== "object" || each === null || Array.isArray(each)) {
        this.#problem(diagnostics.badMerge(), key);
        continue;
      }
      const fields = Object.entries(each);
      this.#mergedFields += fields.length;
      if (this.#mergedFields > this.#limits.values) this.#stop(diagnostics.expandsTooFar(), key);
      else for (const [name, value] of fields) if (!merged.has(name)) merged.set(name, value);
    }
  }

  #sized(value: unknown, parts: readonly Sized[], node: Node, extra = 0): Sized {
    const size = parts.reduce((sum, part) => sum + part.size, 1 + extra);
    const height = parts.reduce((most, part) => Math.max(most, part.height), 0) + 1;
    const { values } = this.#limits;
    if (size > values)
      this.#stop(this.#expanded ? diagnostics.expandsTooFar() : inputDiagnostics.tooManyValues(values), node);
    return { value, size, height };
  }

  /** After this nothing is worth reading on. */
  #stop(message: Message, node: unknown): void {
    if (!this.#stopped) this.#problem(message, node);
    this.#stopped = true;
  }

  #problem(message: Message, node: unknown): void {
    const [from, to] = (isScalar(node) || isAlias(node) || isMap(node) || isSeq(node) ? node.range : undefined) ?? [
      0, 0,
    ];
    if (this.problems.length < this.#limits.findings) this.problems.push({ message, from, to });
  }
}

/** Infinite, none at all, or an integer beyond 2^53: as JSON it would become null, or its neighbour. */
function isUnkept({ value, source = "" }: Scalar): boolean {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return false;
  return (
    !Number.isFinite(value) || (Number.isInteger(value) && /^[-+]?(?:0x[\da-f_]+|(?:0[ob])?[\d_]+)$/i.test(source))
  );
}
