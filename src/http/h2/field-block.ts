// What one header block says, collected while it is decoded. One per connection, used again for every block.

import type { HeaderList } from "../headers.ts";
import type { HttpLimits } from "../limits.ts";
import { KIND, type Kind } from "./field-kind.ts";
import { ENTRY_OVERHEAD } from "./hpack-table.ts";

export class FieldBlock {
  /** Pseudo-header fields, and those that are members of a head. */
  method: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  protocol: string | undefined;
  status: string | undefined;
  host: string | undefined;
  contentLength: number;
  /** The other fields; handed over to the head, hence new for each block. */
  headers: HeaderList;
  /** Some field breaks a rule of RFC 9113 8.2 or 8.3. */
  malformed: boolean;
  /** The limits on bytes or fields were passed; what came after was decoded, for the table's sake, and dropped. */
  tooLarge: boolean;
  /** Of the block as it came. */
  wireBytes = 0;
  /** Of the frames that brought it. */
  frameBytes = 0;
  #cookie: string | undefined;
  #bytes: number;
  #count: number;
  readonly #maxBytes: number;
  readonly #maxCount: number;

  constructor(limits: HttpLimits) {
    this.#maxBytes = limits.maxHeadBytes;
    this.#maxCount = limits.maxHeaders;
    this.method = undefined;
    this.scheme = undefined;
    this.authority = undefined;
    this.path = undefined;
    this.protocol = undefined;
    this.status = undefined;
    this.host = undefined;
    this.contentLength = -1;
    this.headers = [];
    this.malformed = false;
    this.tooLarge = false;
    this.#cookie = undefined;
    this.#bytes = 0;
    this.#count = 0;
  }

  reset(): void {
    this.method = undefined;
    this.scheme = undefined;
    this.authority = undefined;
    this.path = undefined;
    this.protocol = undefined;
    this.status = undefined;
    this.host = undefined;
    this.contentLength = -1;
    this.headers = [];
    this.malformed = false;
    this.tooLarge = false;
    this.#cookie = undefined;
    this.#bytes = 0;
    this.#count = 0;
  }

  add(kind: Kind, name: string, value: string): void {
    this.#bytes += name.length + value.length + ENTRY_OVERHEAD;
    if (this.#bytes > this.#maxBytes) {
      this.tooLarge = true;
      return;
    }
    if (kind >= KIND.authority && kind <= KIND.protocol) {
      this.#addPseudo(kind, value);
      return;
    }
    // Each crumb of a cookie counts: else they pass every limit (CVE-2026-47774).
    if (++this.#count > this.#maxCount) {
      this.tooLarge = true;
      return;
    }
    if (kind === KIND.regular) this.headers.push(name, value);
    else this.#addSpecial(kind, value);
  }

  #addPseudo(kind: Kind, value: string): void {
    if (this.#count > 0) this.malformed = true; // RFC 9113 8.3: before all other fields
    switch (kind) {
      case KIND.method:
        if (this.method !== undefined) this.malformed = true;
        this.method = value;
        return;
      case KIND.path:
        if (this.path !== undefined) this.malformed = true;
        this.path = value;
        return;
      case KIND.scheme:
        if (this.scheme !== undefined) this.malformed = true;
        this.scheme = value;
        return;
      case KIND.authority:
        if (this.authority !== undefined) this.malformed = true;
        this.authority = value;
        return;
      case KIND.status:
        if (this.status !== undefined) this.malformed = true;
        this.status = value;
        return;
      default:
        if (this.protocol !== undefined) this.malformed = true;
        this.protocol = value;
    }
  }

  #addSpecial(kind: Kind, value: string): void {
    switch (kind) {
      case KIND.cookie:
        this.#cookie = this.#cookie === undefined ? value : `${this.#cookie}; ${value}`;
        return;
      case KIND.host:
        if (this.host !== undefined) this.malformed = true;
        this.host = value;
        return;
      case KIND.contentLength:
        if (this.contentLength !== -1) this.malformed = true;
        this.contentLength = Number(value);
        return;
      default:
        this.malformed = true;
    }
  }

  get hasPseudo(): boolean {
    return (
      this.method !== undefined ||
      this.scheme !== undefined ||
      this.authority !== undefined ||
      this.path !== undefined ||
      this.protocol !== undefined ||
      this.status !== undefined
    );
  }

  /** The fields, with the crumbs of a cookie as one (RFC 9113 8.2.3). Call once. */
  takeHeaders(): HeaderList {
    if (this.#cookie !== undefined) this.headers.push("cookie", this.#cookie);
    return this.headers;
  }
}
