// The wall clock, and texts of it that many requests share.

const CORRECTED_MS = 1_000;
let offset = 0;
let correctedAt = Number.NEGATIVE_INFINITY;

/**
 * Milliseconds since 1970, with their fraction, of a reading of `performance.now()`, so that a request reads one clock. Exact to a
 * millisecond: the offset is taken anew each second, since the wall clock may be set.
 */
export function wallMs(at: number): number {
  if (at - correctedAt > CORRECTED_MS) {
    correctedAt = performance.now();
    offset = Date.now() - correctedAt;
  }
  return at + offset;
}

let isoFor = 0;
let iso = "";

/** `2026-01-31T12:34:56.789Z`; requests of one millisecond share the text. */
export function isoTime(epochMs: number): string {
  if (epochMs !== isoFor) {
    isoFor = epochMs;
    iso = new Date(epochMs).toISOString();
  }
  return iso;
}

let dateFor = 0;
let date = "";

/** The `date` header (RFC 9110 5.6.7), made once a second. */
export function httpDate(): string {
  const second = Math.floor(Date.now() / 1_000);
  if (second !== dateFor) {
    dateFor = second;
    date = new Date(second * 1_000).toUTCString();
  }
  return date;
}
