// Figures as people read them: three digits are enough, and the unit is never left out.

/** `0`, `0.42`, `7.3`, `81`, `1.2k`, `3.4M`. */
export function count(value: number): string {
  if (value === 0) return "0";
  if (value >= 999_500) return `${trimmed(value / 1e6)}M`;
  if (value >= 999.5) return `${trimmed(value / 1e3)}k`;
  return value < 0.005 ? "<0.01" : trimmed(value);
}

/** `1 error`, `0 errors`: of nouns that take an s. */
export function counted(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Two significant digits below 100: more of them flicker without saying more. */
function trimmed(value: number): string {
  if (value >= 9.95) return String(Math.round(value));
  return String(Math.round(value * (value >= 0.995 ? 10 : 100)) / (value >= 0.995 ? 10 : 100));
}

/** `100 %` only when nothing failed: 99.996 % is `99.99 %`. */
export function percent(share: number | null): string {
  if (share === null) return "–";
  if (share === 1 || share === 0) return `${share * 100} %`;
  const value = share > 0.99 ? Math.floor(share * 1e4) / 100 : Math.round(share * 1e3) / 10;
  return `${value} %`;
}

/** `0.4 ms`, `12 ms`, `1.3 s`. */
export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value >= 999.5) return `${trimmed(value / 1_000)} s`;
  return `${trimmed(value)} ms`;
}

/** `812 B`, `4.1 kB`, `61 MB`. */
export function bytes(value: number | null): string {
  if (value === null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let scaled = value;
  let unit = 0;
  for (; scaled >= 999.5 && unit < units.length - 1; unit++) scaled /= 1_000;
  return `${trimmed(scaled)} ${units[unit]}`;
}

/** A length of time: `18 s`, `7 min`, `23 h`, `89 d`, `10 y`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 100 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  const days = Math.round(seconds / 86_400);
  return days < 1_000 ? `${days} d` : `${Math.round(days / 365)} y`;
}

const SECONDS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTES = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Time of day as logs write it: `14:03:27`. */
export function clock(ms: number): string {
  return SECONDS.format(ms);
}

/** `14:03`, for axes. */
export function clockMinutes(ms: number): string {
  return MINUTES.format(ms);
}
