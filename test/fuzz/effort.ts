/** How many times more than usual the properties are tried: `FUZZ_FACTOR=1000 npm test -- test/fuzz` is a night's work. */
const FACTOR = Number(process.env.FUZZ_FACTOR ?? 1);

export function runs(usual: number): number {
  return Math.ceil(usual * FACTOR);
}

/** For a test of that many runs; time is not what is tested. */
export function timeLimitMs(usual: number): number {
  return Math.ceil(usual * Math.max(1, FACTOR));
}
