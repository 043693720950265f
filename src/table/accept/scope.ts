// Where in a resource an acceptance check stands, and what it found wrong. What nobody reads is not ignored: it is refused by its path.

import { type DescMessage, fromBinary, type Message, type MessageShape } from "@bufbuild/protobuf";
import type { Any, Duration } from "@bufbuild/protobuf/wkt";

/** One reason why a resource is refused, with the field's path in the names of the proto files. */
export interface Rejection {
  readonly path: string;
  readonly reason: string;
}

/** `routeConfig` → `route_config`. */
export function protoName(localName: string): string {
  return localName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isUnset(value: unknown): boolean {
  if (value === undefined || value === "" || value === 0 || value === 0n || value === false) return true;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  if (typeof value === "object" && value !== null) {
    if ("$typeName" in value) return false;
    return "case" in value ? value.case === undefined : Object.keys(value).length === 0;
  }
  return false;
}

export class Scope {
  readonly #parent: Scope | undefined;
  readonly #segment: string;
  /** What the place is known by, where it is not by its segment. */
  readonly #identity: string;
  readonly rejections: Rejection[];

  private constructor(parent: Scope | undefined, segment: string, rejections: Rejection[], identity = segment) {
    this.#parent = parent;
    this.#segment = segment;
    this.#identity = identity;
    this.rejections = rejections;
  }

  /** `resource`: its name. */
  static root(resource = ""): Scope {
    return new Scope(undefined, "", [], resource);
  }

  field(name: string): Scope {
    return new Scope(this, this.#parent ? `.${name}` : name, this.rejections);
  }

  /** `identity`: of an element that is the same wherever in the list it stands. */
  index(i: number, identity?: string): Scope {
    return new Scope(this, `[${i}]`, this.rejections, identity);
  }

  key(key: string): Scope {
    return new Scope(this, `[${JSON.stringify(key)}]`, this.rejections);
  }

  get path(): string {
    return this.#parent ? this.#parent.path + this.#segment : this.#segment;
  }

  /** The same for the same part of the same resource in every process that accepts it. */
  get place(): string {
    return this.#parent ? this.#parent.place + this.#identity : this.#identity;
  }

  reject(reason: string): void {
    this.rejections.push({ path: this.path, reason });
  }

  /**
   * Refuses every field of `message` that is set and not named. Names are those of the generated types; a oneof is allowed whole, its
   * cases are the caller's to tell apart.
   */
  only<T extends Message>(message: T, supported: readonly Exclude<keyof T, keyof Message>[]): void {
    // Keys and not entries: the engine remembers them for messages of one shape, and 100,000 routes ask a million times.
    for (const name of Object.keys(message)) {
      const value: unknown = message[name as keyof T];
      // Most fields are not set, which is seen sooner than a name is found among twenty.
      if (value === "" || value === false || value === 0 || (Array.isArray(value) && value.length === 0)) continue;
      if (name === "$typeName" || (supported as readonly string[]).includes(name)) continue;
      if (name === "$unknown") {
        if (Array.isArray(value) && value.length > 0) this.reject("has a field that this version does not know");
        continue;
      }
      if (isUnset(value)) continue;
      const field = typeof value === "object" && value !== null && "case" in value ? String(value.case) : name;
      this.field(protoName(field)).reject("not supported by Heddle's proxy");
    }
  }

  /** For a message of which everything is read: refuses what newer protos have and this version does not know. */
  known(message: Message | undefined): void {
    if (message?.$unknown && message.$unknown.length > 0) this.reject("has a field that this version does not know");
  }

  /** Decodes what an Any holds, if it is of that type; else refuses it. */
  unpack<D extends DescMessage>(any: Any | undefined, schema: D): MessageShape<D> | undefined {
    if (any === undefined) {
      this.reject(`missing: expected ${schema.typeName}`);
      return undefined;
    }
    if (!isA(any, schema)) {
      this.reject(`type ${JSON.stringify(any.typeUrl)} is not supported here: expected ${schema.typeName}`);
      return undefined;
    }
    try {
      return fromBinary(schema, any.value);
    } catch {
      this.reject(`bytes are not a ${schema.typeName}`);
      return undefined;
    }
  }
}

export function isA(any: Any, schema: DescMessage): boolean {
  return any.typeUrl.endsWith(`/${schema.typeName}`);
}

/** Milliseconds; `otherwise` when unset. */
export function milliseconds(duration: Duration | undefined, otherwise: number): number {
  return duration === undefined ? otherwise : Number(duration.seconds) * 1_000 + duration.nanos / 1e6;
}
