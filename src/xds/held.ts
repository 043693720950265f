// What one client holds of one type: acknowledged resources by name. A thousand proxies that hold the same thousand resources share the
// snapshot's own map and remember only how they differ from it.

/** A resource as its client holds it. Without references it is from a stream before this one: only its version is known. */
export interface HeldResource {
  readonly version: string;
  readonly references?: readonly string[];
}

type HeldMap = ReadonlyMap<string, HeldResource>;

const NOTHING: HeldMap = new Map();

export class Held {
  #shared: HeldMap = NOTHING;
  /** Differences from the shared map; undefined for what is not held. */
  readonly #own = new Map<string, HeldResource | undefined>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(name: string): HeldResource | undefined {
    return this.#own.get(name) ?? (this.#own.has(name) ? undefined : this.#shared.get(name));
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, resource: HeldResource): void {
    if (!this.has(name)) this.#size++;
    this.#own.set(name, resource);
  }

  delete(name: string): void {
    if (!this.has(name)) return;
    this.#size--;
    if (this.#shared.has(name)) this.#own.set(name, undefined);
    else this.#own.delete(name);
  }

  /** All of `map`, and nothing else. */
  hold(map: HeldMap): void {
    this.#shared = map;
    this.#own.clear();
    this.#size = map.size;
  }

  /** Whether it is all of `map`, and known without a look at each. */
  holdsAll(map: HeldMap): boolean {
    return this.#shared === map && this.#own.size === 0;
  }

  /** Gives up the differences for `map`, which the caller knows to hold every resource held. Nothing happens when it holds more. */
  share(map: HeldMap): void {
    if (map.size !== this.#size) return;
    this.#shared = map;
    this.#own.clear();
  }

  *names(): Generator<string> {
    for (const name of this.#shared.keys()) if (!this.#own.has(name)) yield name;
    for (const [name, resource] of this.#own) if (resource) yield name;
  }

  *values(): Generator<HeldResource> {
    for (const [name, resource] of this.#shared) if (!this.#own.has(name)) yield resource;
    for (const resource of this.#own.values()) if (resource) yield resource;
  }
}
