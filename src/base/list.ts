// Lists of any length, and long ones of which few items change at a time: one that was corrected shares all chunks with the one before but
// those in which something is different, so that a change costs the square root of the length, and two lists are compared by what they do
// not share.

/** What lists have, however they are held; arrays are such lists. */
export interface List<T> extends Iterable<T> {
  readonly length: number;
  at(place: number): T | undefined;
  map<U>(change: (item: T, place: number) => U): U[];
  flatMap<U>(change: (item: T, place: number) => U | readonly U[]): U[];
  filter<U extends T>(chosen: (item: T) => item is U): U[];
  filter(chosen: (item: T) => unknown): T[];
  find(chosen: (item: T) => unknown): T | undefined;
  some(chosen: (item: T) => unknown): boolean;
}

type Chunk<T> = readonly T[];

/** Of 55,000 items so many chunks as each has items. */
const CHUNK_LENGTH = 256;

/** `chunkLength`: how many items a chunk has at first. */
export function listOf<T>(items: Iterable<T>, chunkLength = CHUNK_LENGTH): List<T> {
  return items instanceof ChunkedList ? items : new ChunkedList(cut([...items], chunkLength), chunkLength);
}

/** One after the other. Shares what they are made of; one that alone has items is that very list. */
export function concatenated<T>(lists: readonly List<T>[]): List<T> {
  const [first, ...others] = lists.filter(({ length }) => length > 0);
  if (!first || others.length === 0) return first ?? [];
  return new ChunkedList([first, ...others].flatMap(chunksOf), CHUNK_LENGTH);
}

function cut<T>(items: readonly T[], length: number): readonly Chunk<T>[] {
  if (items.length <= length) return items.length === 0 ? [] : [items];
  return Array.from({ length: Math.ceil(items.length / length) }, (_, i) => items.slice(i * length, (i + 1) * length));
}

function chunksOf<T>(list: List<T>): readonly Chunk<T>[] {
  if (list instanceof ChunkedList) return list.chunks;
  return list.length === 0 ? [] : [Array.isArray(list) ? list : [...list]];
}

class ChunkedList<T> implements List<T> {
  /** None is empty. */
  readonly chunks: readonly Chunk<T>[];
  readonly chunkLength: number;
  readonly length: number;
  /** Where each chunk begins. */
  readonly #starts: readonly number[];

  constructor(chunks: readonly Chunk<T>[], chunkLength: number) {
    const starts: number[] = [];
    let length = 0;
    for (const chunk of chunks) {
      starts.push(length);
      length += chunk.length;
    }
    this.chunks = chunks;
    this.chunkLength = chunkLength;
    this.length = length;
    this.#starts = starts;
  }

  at(place: number): T | undefined {
    const at = place < 0 ? place + this.length : place;
    if (at < 0 || at >= this.length) return undefined;
    const chunk = lastBelow(this.#starts.length, (i) => this.#starts[i]! <= at);
    return this.chunks[chunk]![at - this.#starts[chunk]!];
  }

  map<U>(change: (item: T, place: number) => U): U[] {
    return this.chunks.flat().map(change);
  }

  flatMap<U>(change: (item: T, place: number) => U | readonly U[]): U[] {
    return this.chunks.flat().flatMap(change);
  }

  filter<U extends T>(chosen: (item: T) => item is U): U[];
  filter(chosen: (item: T) => unknown): T[];
  filter(chosen: (item: T) => unknown): T[] {
    return this.chunks.flatMap((chunk) => chunk.filter(chosen));
  }

  find(chosen: (item: T) => unknown): T | undefined {
    for (const chunk of this.chunks) for (const item of chunk) if (chosen(item)) return item;
    return undefined;
  }

  some(chosen: (item: T) => unknown): boolean {
    return this.chunks.some((chunk) => chunk.some(chosen));
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const chunk of this.chunks) yield* chunk;
  }
}

/** The last of `count` places of which `isBelow` says yes, which it does of the first ones alone; -1: of none. */
function lastBelow(count: number, isBelow: (place: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBelow(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What one list has that another has not, in their order. */
export interface ListDifference<T> {
  readonly gone: readonly T[];
  readonly come: readonly T[];
}

const NONE: ListDifference<never> = { gone: [], come: [] };

/** Of lists of distinct items. Where they stand plays no part. */
export function listDifference<T>(before: List<T>, now: List<T>): ListDifference<T> {
  if (before === now) return NONE;
  const [old, current] = [chunksOf(before), chunksOf(now)];
  const [gone, come] = withoutCommonEnds(without(old, current), without(current, old));
  if (gone.length === 0 || come.length === 0) return { gone, come };
  const [left, right] = [new Set(gone), new Set(come)];
  return { gone: gone.filter((item) => !right.has(item)), come: come.filter((item) => !left.has(item)) };
}

/** Items of the chunks that the others are not. */
function without<T>(chunks: readonly Chunk<T>[], others: readonly Chunk<T>[]): readonly T[] {
  const shared = new Set(others);
  const own = chunks.filter((chunk) => !shared.has(chunk));
  return own.length === 1 ? own[0]! : own.flat();
}

function withoutCommonEnds<T>(one: readonly T[], other: readonly T[]): readonly [readonly T[], readonly T[]] {
  const common = Math.min(one.length, other.length);
  let start = 0;
  while (start < common && one[start] === other[start]) start++;
  let end = 0;
  while (end < common - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end++;
  return [one.slice(start, one.length - end), other.slice(start, other.length - end)];
}

/** Of an item of a list that is sorted by it; no two of a list have one. */
export type KeyOf<T> = (item: T) => string;

/** By key, the item that stands there now; undefined: none does. Of one key the last counts. */
export type ListCorrections<T> = Iterable<readonly [key: string, item: T | undefined]>;

/** What went and what came, as corrections. */
export function correctionsOf<T>({ gone, come }: ListDifference<T>, keyOf: KeyOf<T>): ListCorrections<T> {
  return [
    ...gone.map((item): [string, undefined] => [keyOf(item), undefined]),
    ...come.map((item): [string, T] => [keyOf(item), item]),
  ];
}

/** A sorted list with the corrections; the same list when nothing is different. Of an array an array. */
export function correctedList<T>(list: readonly T[], keyOf: KeyOf<T>, corrections: ListCorrections<T>): readonly T[];
export function correctedList<T>(list: List<T>, keyOf: KeyOf<T>, corrections: ListCorrections<T>): List<T>;
export function correctedList<T>(list: List<T>, keyOf: KeyOf<T>, corrections: ListCorrections<T>): List<T> {
  const all = new Map(corrections);
  if (all.size === 0) return list;
  if (!(list instanceof ChunkedList)) return correctedArray([...list], keyOf, all) ?? list;
  const { chunks, chunkLength } = list as ChunkedList<T>;
  const byChunk = new Map<number, Map<string, T | undefined>>();
  for (const [key, item] of all) {
    const chunk = chunkOf(chunks, key, keyOf);
    const own = byChunk.get(chunk) ?? new Map<string, T | undefined>();
    byChunk.set(chunk, own.set(key, item));
  }
  const changed = new Map<number, readonly T[]>();
  for (const [i, own] of byChunk) {
    const made = correctedArray([...(chunks[i] ?? [])], keyOf, own);
    if (made) changed.set(i, made);
  }
  if (changed.size === 0) return list;
  const made = replaced(chunks, changed, chunkLength);
  // Chunks that nearly all items left are no longer worth it.
  return new ChunkedList(isSparse(made, chunkLength) ? cut(made.flat(), chunkLength) : made, chunkLength);
}

/** Where the key stands, or would. */
function chunkOf<T>(chunks: readonly Chunk<T>[], key: string, keyOf: KeyOf<T>): number {
  return Math.max(
    0,
    lastBelow(chunks.length, (i) => keyOf(chunks[i]![0]!) <= key),
  );
}

/** Undefined: nothing is different. Writes to `items`. */
function correctedArray<T>(
  items: T[],
  keyOf: KeyOf<T>,
  corrections: ReadonlyMap<string, T | undefined>,
): readonly T[] | undefined {
  let isSame = true;
  for (const [key, item] of corrections) {
    const at = placeOf(items, key, keyOf);
    const known = at < items.length && keyOf(items[at]!) === key ? items[at] : undefined;
    if (known === item) continue;
    isSame = false;
    if (known !== undefined && item !== undefined) items[at] = item;
    else items.splice(at, known === undefined ? 0 : 1, ...(item === undefined ? [] : [item]));
  }
  return isSame ? undefined : items;
}

function replaced<T>(
  chunks: readonly Chunk<T>[],
  changed: ReadonlyMap<number, readonly T[]>,
  chunkLength: number,
): readonly Chunk<T>[] {
  const made: Chunk<T>[] = [];
  for (let i = 0; i < Math.max(chunks.length, 1); i++) {
    const other = changed.get(i);
    if (!other) made.push(chunks[i]!);
    else if (other.length > 2 * chunkLength) made.push(...cut(other, chunkLength));
    else if (other.length > 0) made.push(other);
  }
  return made;
}

function isSparse<T>(chunks: readonly Chunk<T>[], chunkLength: number): boolean {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return chunks.length > 4 + (4 * length) / chunkLength;
}

/** Of a key that is there; of another, where it would stand. */
function placeOf<T>(sorted: readonly T[], key: string, keyOf: KeyOf<T>): number {
  return lastBelow(sorted.length, (i) => keyOf(sorted[i]!) < key) + 1;
}

/** The item of that key in a sorted list, beside those that stand next to it. */
export function itemOf<T>(list: List<T>, key: string, keyOf: KeyOf<T>): T | undefined {
  const chunks = chunksOf(list);
  const chunk = chunks[chunkOf(chunks, key, keyOf)] ?? [];
  const item = chunk[placeOf(chunk, key, keyOf)];
  return item !== undefined && keyOf(item) === key ? item : undefined;
}

/** A sorted list as a map. */
export class MapOfList<T> implements ReadonlyMap<string, T> {
  readonly #list: List<T>;
  readonly #keyOf: KeyOf<T>;

  constructor(list: List<T>, keyOf: KeyOf<T>) {
    this.#list = list;
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#list.length;
  }

  get(key: string): T | undefined {
    return itemOf(this.#list, key, this.#keyOf);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[string, T]> {
    for (const item of this.#list) yield [this.#keyOf(item), item];
  }

  *keys(): MapIterator<string> {
    for (const item of this.#list) yield this.#keyOf(item);
  }

  *values(): MapIterator<T> {
    yield* this.#list;
  }

  forEach(visit: (item: T, key: string, map: ReadonlyMap<string, T>) => void): void {
    for (const [key, item] of this) visit(item, key, this);
  }

  [Symbol.iterator](): MapIterator<[string, T]> {
    return this.entries();
  }
}
