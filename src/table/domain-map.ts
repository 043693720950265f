// What belongs to each of many domains, in small maps: one map of 20,000 strings hashes all of them anew when it grows past 16,384, which
// held up the event loop for 7 ms, and a copy of it costs more than that.

/** Of 20,000 domains each has 300. */
const PARTS = 64;

function partOf(domain: string): number {
  let hash = domain.length;
  for (let i = 0; i < domain.length; i++) hash = (hash * 31 + domain.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 16)) & (PARTS - 1);
}

export class DomainMap<T> {
  /** Undefined: empty. */
  readonly #parts: (Map<string, T> | undefined)[];
  /** Those that no other map has: the others are copied before they change. */
  readonly #own = new Set<number>();

  constructor(from?: DomainMap<T>) {
    this.#parts = from ? [...from.#parts] : new Array<undefined>(PARTS).fill(undefined);
  }

  get(domain: string): T | undefined {
    return this.#parts[partOf(domain)]?.get(domain);
  }

  /** Not once there are copies: parts that they share would change. */
  set(domain: string, value: T): void {
    this.#ownPart(partOf(domain)).set(domain, value);
  }

  /** Where `domain` has `before`, by what stands for the same; also in the copies that share the part. */
  replace(domain: string, before: T, value: T): void {
    const part = this.#parts[partOf(domain)];
    if (part?.get(domain) === before) part.set(domain, value);
  }

  delete(domain: string): void {
    this.#ownPart(partOf(domain)).delete(domain);
  }

  #ownPart(part: number): Map<string, T> {
    const known = this.#parts[part];
    if (known && this.#own.has(part)) return known;
    const own = new Map(known);
    this.#parts[part] = own;
    this.#own.add(part);
    return own;
  }
}
