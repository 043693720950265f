// The buckets of one local rate limit, and which of them a request takes from (Envoy: LocalRateLimiterImpl).

import type {
  DescriptorLimit,
  LocalRateLimitFilter,
  TokenBucketSettings,
} from "../../table/filter/local-rate-limit.ts";
import type { Descriptor } from "../../table/rate-limit.ts";
import type { SharedCells } from "../shared-cells.ts";
import { createBucket } from "./shared-bucket.ts";
import type { Bucket } from "./token-bucket.ts";

export interface LimitResult {
  readonly allowed: boolean;
  /** The one that refused, or the tightest of those that were asked; undefined: none was. */
  readonly bucket: Bucket | undefined;
}

interface Matched {
  readonly bucket: Bucket;
  readonly shadow: boolean;
}

/** `key`: of the bucket among those of its limiter. */
type Create = (key: string, settings: TokenBucketSettings, now: number) => Bucket;

const UNLIMITED: LimitResult = { allowed: true, bucket: undefined };

/** No key or value holds a NUL. */
function keyOf(descriptor: Descriptor): string {
  return descriptor.join("\0");
}

/** A limit for any value of some of its keys; the buckets used longest ago are forgotten. */
class Wildcard {
  readonly #limit: DescriptorLimit;
  readonly #max: number;
  readonly #create: Create;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: DescriptorLimit, max: number, create: Create) {
    this.#limit = limit;
    this.#max = max;
    this.#create = create;
  }

  matches(descriptor: Descriptor): boolean {
    const own = this.#limit.descriptor;
    if (own.length !== descriptor.length) return false;
    for (let i = 0; i < own.length; i++) {
      const any = i % 2 === 1 && own[i] === "";
      if (!any && own[i] !== descriptor[i]) return false;
    }
    return true;
  }

  take(key: string, now: number): Matched {
    const known = this.#buckets.get(key);
    const bucket = known ?? this.#create(key, this.#limit.bucket, now);
    if (known) this.#buckets.delete(key);
    else if (this.#buckets.size >= this.#max)
      for (const [oldest, forgotten] of this.#buckets) {
        this.#buckets.delete(oldest);
        forgotten.release();
        break;
      }
    this.#buckets.set(key, bucket);
    return { bucket, shadow: this.#limit.shadow };
  }
}

export class LocalRateLimiter {
  readonly #bucket: Bucket | undefined;
  readonly #alwaysDefault: boolean;
  readonly #exact = new Map<string, Matched>();
  readonly #wildcards: readonly Wildcard[];

  /** `shared`: where processes have the buckets in common; undefined: they are this limiter's alone. */
  constructor(table: LocalRateLimitFilter, now: number, shared?: SharedCells) {
    const { bucket, alwaysDefault, descriptors, maxDynamic } = table;
    const create: Create = (key, settings, at) => createBucket(`${table.place}\0${key}`, settings, at, shared);
    this.#bucket = bucket && create("", bucket, now);
    this.#alwaysDefault = alwaysDefault;
    const wildcards: Wildcard[] = [];
    for (const limit of descriptors) {
      const isWildcard = limit.descriptor.some((text, i) => i % 2 === 1 && text === "");
      if (isWildcard) wildcards.push(new Wildcard(limit, maxDynamic, create));
      else {
        const key = keyOf(limit.descriptor);
        this.#exact.set(key, { bucket: create(key, limit.bucket, now), shadow: limit.shadow });
      }
    }
    this.#wildcards = wildcards;
  }

  take(descriptors: readonly Descriptor[], now: number): LimitResult {
    if (descriptors.length === 0 || (this.#exact.size === 0 && this.#wildcards.length === 0))
      return this.#takeDefault(now, undefined);
    const matched = descriptors.flatMap((descriptor) => this.#match(descriptor, now) ?? []);
    // The tightest first: what it refuses takes nothing from the others.
    matched.sort((a, b) => a.bucket.rate - b.bucket.rate);
    for (const { bucket, shadow } of matched) if (!bucket.take(now) && !shadow) return { allowed: false, bucket };
    if (matched.length > 0 && !this.#alwaysDefault) return { allowed: true, bucket: matched[0]!.bucket };
    return this.#takeDefault(now, matched[0]?.bucket);
  }

  #takeDefault(now: number, tightest: Bucket | undefined): LimitResult {
    const bucket = this.#bucket;
    if (!bucket) return tightest ? { allowed: true, bucket: tightest } : UNLIMITED;
    return bucket.take(now) ? { allowed: true, bucket: tightest ?? bucket } : { allowed: false, bucket };
  }

  #match(descriptor: Descriptor, now: number): Matched | undefined {
    const key = keyOf(descriptor);
    const exact = this.#exact.get(key);
    if (exact) return exact;
    return this.#wildcards.find((one) => one.matches(descriptor))?.take(key, now);
  }
}
