// The paths of a virtual host's routes in one flat array: a length and a hash for each. With 5,000 virtual hosts the routes lie in no cache;
// to compare twenty prefixes one after the other, each behind three pointers, would wait for memory a hundred times.

import type { PathMatch } from "./route-match.ts";

/** Fewer are looked at sooner. */
const MIN_ROUTES = 4;
/** Of longer ones the start alone is hashed. */
const MAX_HASHED = 255;
const SEED = 0x811c9dc5;

function step(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193); // FNV-1a
}

function hashOf(text: string, length: number): number {
  let hash = SEED;
  for (let i = 0; i < length; i++) hash = step(hash, text.charCodeAt(i));
  return hash >>> 0;
}

/** The text with which every path begins that `match` takes; "" when none is known. */
function beginning(match: PathMatch): string {
  switch (match.kind) {
    case "prefix":
    case "segments":
      return match.ignoreCase ? "" : match.text;
    case "string":
      return match.match.kind === "exact" && !match.match.ignoreCase ? match.match.text : "";
    case "connect":
      return "";
  }
}

/** Hashes of the path's beginnings, by their length: of the request that is being looked at. */
const hashes = new Uint32Array(MAX_HASHED + 1);
hashes[0] = SEED;
/** How many of them are its own. */
let hashed = 0;

export class PathIndex {
  /** For each route the length of its beginning (0: the route itself must be asked) and the hash of that. */
  readonly #keys: Uint32Array;

  /** Undefined where there is nothing to be gained. */
  static of(paths: readonly PathMatch[]): PathIndex | undefined {
    const known = paths.filter((path) => beginning(path) !== "").length;
    return paths.length >= MIN_ROUTES && known * 2 >= paths.length ? new PathIndex(paths) : undefined;
  }

  private constructor(paths: readonly PathMatch[]) {
    this.#keys = new Uint32Array(paths.length * 2);
    paths.forEach((path, i) => {
      const text = beginning(path);
      const length = Math.min(text.length, MAX_HASHED);
      this.#keys[i * 2] = length;
      this.#keys[i * 2 + 1] = hashOf(text, length);
    });
  }

  /**
   * The first route from `from` on that may take `path`; -1: there is none. Whoever is left out does not take it. To be called with `from`
   * 0 first, and for the same path until another 0.
   */
  next(path: string, from: number): number {
    const keys = this.#keys;
    if (from === 0) hashed = 0;
    for (let i = from * 2; i < keys.length; i += 2) {
      const length = keys[i]!;
      if (length > path.length) continue;
      for (; hashed < length; hashed++) hashes[hashed + 1] = step(hashes[hashed]!, path.charCodeAt(hashed));
      if (length === 0 || hashes[length] === keys[i + 1]) return i >> 1;
    }
    return -1;
  }
}
