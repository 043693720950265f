// Wall-clock texts that many requests share.

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
