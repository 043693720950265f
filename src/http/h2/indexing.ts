// Which fields may enter HPACK's dynamic table. A field that is different in every request must not: it would push out those that repeat.

/** Fields whose value is new in each request by design: only their name is worth a place in the table. */
const VOLATILE: ReadonlySet<string> = new Set([
  "x-request-id",
  "x-correlation-id",
  "traceparent",
  "tracestate",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "uber-trace-id",
  "x-amzn-trace-id",
  "x-cloud-trace-context",
  "grpc-timeout",
  "grpc-trace-bin",
  "content-range",
]);

/** Fields that carry a credential: never indexed, so that sharing a connection does not allow guessing them (RFC 7541 7.1). */
const SENSITIVE: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);

export type Indexing = "adaptive" | "volatile" | "never";

export function indexingOf(name: string): Indexing {
  return SENSITIVE.has(name) ? "never" : VOLATILE.has(name) ? "volatile" : "adaptive";
}

// A hit earns one, an insertion costs two: at least two of three uses of a name must hit for its misses to keep being inserted.
const FIRST_CREDIT = 4;
const INSERTION_COST = 2;
const MAX_CREDIT = 8;
const NONE = -1; // of positions

/** What the encoder knows of one name. */
export class NameState {
  readonly indexing: Indexing;
  /** Of the static table, 0 when the name is not in it. */
  readonly staticIndex: number;
  /** The value used last and its position in the dynamic table: the common case costs one comparison. */
  lastValue = "";
  lastAt = NONE;
  /** The newest entry with this name. */
  nameAt = NONE;
  /** Position by value, once there are several. */
  positions: Map<string, number> | undefined = undefined;
  #credit = FIRST_CREDIT;
  /** Fingerprint of the last value that was not indexed: a value that comes twice in a row is worth it. */
  #missed = 0;

  constructor(name: string, staticIndex: number) {
    this.indexing = indexingOf(name);
    this.staticIndex = staticIndex;
    // A name of its own is indexed from its second use on: one request with odd names must not flush the table.
    if (staticIndex === 0) this.#credit = 0;
  }

  hit(): void {
    if (this.#credit < MAX_CREDIT) this.#credit++;
  }

  /** Whether `value`, which is not in the table, should enter it. */
  admits(value: string): boolean {
    if (this.#credit >= INSERTION_COST) {
      this.#credit -= INSERTION_COST;
      return true;
    }
    const print = fingerprint(value);
    const repeated = print === this.#missed;
    this.#missed = print;
    return repeated;
  }
}

/** Not 0. Keeps no reference to the value, which may be a slice of a whole message. A collision only indexes in vain. */
function fingerprint(value: string): number {
  let hash = value.length + 1;
  for (let i = Math.max(0, value.length - 24); i < value.length; i++)
    hash = (Math.imul(hash, 31) + value.charCodeAt(i)) | 0;
  return hash === 0 ? 1 : hash;
}
