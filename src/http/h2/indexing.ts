// Which fields may enter HPACK's dynamic table. One whose value is new in each request, such as x-request-id, must not: it would push
// out those that repeat. It is told by its behaviour, not by a list of names.

/** Fields that carry a credential: never indexed, so that sharing a connection does not allow guessing them (RFC 7541 7.1). */
const SENSITIVE: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);

// A hit earns one, an insertion costs two: at least two of three uses of a name must hit for its misses to keep being inserted.
const FIRST_CREDIT = 4;
const INSERTION_COST = 2;
const MAX_CREDIT = 8;
/** An entry that is made for its name's sake is at most this large: later values then take an index instead of the name. */
const MAX_NAME_ENTRY = 256;
const NONE = -1; // of positions

/** What the encoder knows of one name. */
export class NameState {
  readonly isSensitive: boolean;
  /** Of the static table, 0 when the name is not in it. */
  readonly staticIndex: number;
  /** The value used last and its position in the dynamic table: the common case costs one comparison. */
  lastValue = "";
  lastAt = NONE;
  /** The newest entry with this name. */
  nameAt = NONE;
  /** Position by value, once there are several. */
  positions: Map<string, number> | undefined = undefined;
  #credit: number;
  /** Fingerprint of the last value that was not in the table, 0 before there was one. */
  #missed = 0;

  constructor(name: string, staticIndex: number) {
    this.isSensitive = SENSITIVE.has(name);
    this.staticIndex = staticIndex;
    // A name of its own is indexed from its second use on: one request with odd names must not flush the table.
    this.#credit = staticIndex === 0 ? 0 : FIRST_CREDIT;
  }

  hit(): void {
    if (this.#credit < MAX_CREDIT) this.#credit++;
  }

  /** Whether a value that is not in the table should enter it. `nameIndex` is 0 when the name cannot be referred to yet. */
  admits(value: string, nameIndex: number, size: number): boolean {
    const missed = this.#missed;
    this.#missed = fingerprint(value);
    if (this.#credit >= INSERTION_COST) {
      this.#credit -= INSERTION_COST;
      return true;
    }
    if (missed === this.#missed) return true; // twice in a row
    return nameIndex === 0 && missed !== 0 && size <= MAX_NAME_ENTRY;
  }
}

/** Not 0. Keeps no reference to the value, which may be a slice of a whole message. A collision only indexes in vain. */
function fingerprint(value: string): number {
  let hash = value.length + 1;
  for (let i = Math.max(0, value.length - 24); i < value.length; i++) {
    hash = (Math.imul(hash, 31) + value.charCodeAt(i)) | 0;
  }
  return hash === 0 ? 1 : hash;
}
