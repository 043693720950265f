// `grpc-timeout`: up to eight digits and a unit (gRPC over HTTP/2, "Timeout").

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
const MAX_DIGITS_VALUE = 99_999_999;

/** Milliseconds, at least 1; undefined when there is none or it is malformed. */
export function parseTimeout(text: string | undefined): number | undefined {
  const parsed = text === undefined ? null : /^(\d{1,8})([HMSmun])$/.exec(text);
  return parsed ? Math.max(1, Number(parsed[1]) * UNITS_MS[parsed[2]!]!) : undefined;
}

/** `1500` as `"1500m"`; what eight digits cannot say in milliseconds is rounded up to seconds (three years at most). */
export function formatTimeout(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms));
  return whole <= MAX_DIGITS_VALUE ? `${whole}m` : `${Math.min(MAX_DIGITS_VALUE, Math.ceil(whole / 1_000))}S`;
}
