// What kinds and fields mean, in our own words, beside their tables: `words/` holds them, by path.

import type { Schema } from "../dialect/schema.ts";

/** What the pages say of a field beyond a clause. */
export interface FieldWords {
  /** One clause, without a full stop. */
  readonly says: string;
  /** What holds without it. */
  readonly default?: string;
  /** What to write in its place, or why nobody should. */
  readonly deprecated?: string;
  /** Where the two proxies differ. */
  readonly heddle?: string;
  readonly envoy?: string;
}

/**
 * By the names on the way to the field, joined by dots, without a list's or a map's level: `spec.http.match.uri`. A shorter end
 * of it (`match.uri`, `uri`) serves every field whose path ends so; the longest wins.
 */
export type Words = Readonly<Record<string, string | FieldWords>>;

/** The words on the field at a path of names, lists and maps left out. */
export type WordsByPath = (path: readonly string[]) => FieldWords | undefined;

export interface KindWords {
  /** One sentence, without a full stop. */
  readonly about: string;
  /** Who acts on the kind. */
  readonly proxies: string;
  readonly fields: Words;
  /** A whole object that is accepted without a finding. */
  readonly example: string;
}

/** The words on the field at `path`; undefined when nobody has described it. */
export function wordsOn(path: readonly string[], ...sources: readonly Words[]): FieldWords | undefined {
  for (let from = 0; from < path.length; from++) {
    const key = path.slice(from).join(".");
    const found = sources.find((words) => Object.hasOwn(words, key))?.[key];
    if (found !== undefined) return typeof found === "string" ? { says: found } : found;
  }
  return undefined;
}

/** What `kubectl explain` and editors show: the clause, the default, what is out of date, and what is not acted on. */
export function descriptionOf(schema: Schema, words: FieldWords | undefined): string {
  const later = schema.type === "later" ? [`Not acted on: ${schema.instead}`] : [];
  return [...(words ? sentencesOf(words) : []), ...later].join(". ");
}

function sentencesOf({ says, default: otherwise, deprecated, heddle, envoy }: FieldWords): readonly string[] {
  return [
    says,
    ...(otherwise === undefined ? [] : [`Default: ${otherwise}`]),
    ...(deprecated === undefined ? [] : [`Deprecated: ${deprecated}`]),
    ...(heddle === undefined ? [] : [`Heddle's proxy: ${heddle}`]),
    ...(envoy === undefined ? [] : [`Envoy: ${envoy}`]),
  ];
}
