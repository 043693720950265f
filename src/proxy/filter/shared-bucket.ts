// One bucket for several processes (Envoy: AtomicTokenBucketImpl): a number says when the bucket would have been empty, and whoever takes
// a token moves it on. Two processes that take at once: one of them tries again.

import type { TokenBucketSettings } from "../../table/filter/local-rate-limit.ts";
import type { SharedCell, SharedCells } from "../shared-cells.ts";
import { type Bucket, TokenBucket } from "./token-bucket.ts";

const NS_PER_MS = 1e6;
/** What the cell has that nobody has taken from. */
const UNUSED = 0n;

export class SharedBucket implements Bucket {
  readonly maxTokens: number;
  readonly rate: number;
  readonly #cell: SharedCell;
  readonly #cells: SharedCells;
  /** Nanoseconds, as the clock that all processes share has them. */
  #emptyAt: BigInt64Array;
  readonly #perToken: number;
  readonly #whole: number;
  /** Tokens at the last look. */
  #tokens: number;

  constructor({ maxTokens, rate }: TokenBucketSettings, cells: SharedCells, cell: SharedCell) {
    this.maxTokens = maxTokens;
    this.rate = rate;
    this.#cells = cells;
    this.#cell = cell;
    this.#emptyAt = new BigInt64Array(cell.words.buffer, cell.words.byteOffset, 1);
    this.#perToken = Math.max(1, Math.round(NS_PER_MS / rate));
    this.#whole = this.#perToken * maxTokens;
    this.#tokens = maxTokens;
  }

  take(now: number): boolean {
    const at = Math.round(this.#cells.clock(now) * NS_PER_MS);
    for (;;) {
      const before = Atomics.load(this.#emptyAt, 0);
      const full = at - this.#whole; // before 0 where the machine has not been up for so long
      const from = before === UNUSED ? full : Math.max(Number(before), full);
      this.#tokens = (at - from) / this.#perToken;
      if (this.#tokens < 1) return false;
      const after = BigInt(from + this.#perToken);
      if (Atomics.compareExchange(this.#emptyAt, 0, before, after) !== before) continue;
      this.#tokens--;
      return true;
    }
  }

  get remaining(): number {
    return Math.max(0, Math.floor(this.#tokens));
  }

  get nextTokenMs(): number {
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.rate;
  }

  /** Whoever still takes from it, in the request that had it forgotten, takes from what there was. */
  release(): void {
    this.#emptyAt = BigInt64Array.of(Atomics.load(this.#emptyAt, 0));
    this.#cell.release();
  }
}

/** `key`: of the bucket among those of the proxy. Where processes share nothing, or have no room, it is this one's. */
export function createBucket(
  key: string,
  settings: TokenBucketSettings,
  now: number,
  shared: SharedCells | undefined,
): Bucket {
  if (!shared) return new TokenBucket(settings, now);
  const cell = shared.cell(`bucket\0${key}\0${settings.maxTokens}\0${settings.rate}`);
  return cell ? new SharedBucket(settings, shared, cell) : new TokenBucket(settings, now);
}
