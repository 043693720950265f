// Hashes of 64 bits as two numbers of 32, so that no request pays for arithmetic on bigints.

const cell = new BigUint64Array(1);
const words = new Uint32Array(cell.buffer);
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const HIGH = LITTLE_ENDIAN ? 1 : 0;
const TWO_32 = 2 ** 32;

export interface Hash64 {
  high: number;
  low: number;
}

export function splitHash(hash: bigint, into: Hash64): void {
  cell[0] = hash;
  into.high = words[HIGH]!;
  into.low = words[1 - HIGH]!;
}

export function randomHash(into: Hash64): void {
  into.high = Math.floor(Math.random() * TWO_32);
  into.low = Math.floor(Math.random() * TWO_32);
}

/** As `%`, which is a slow library call for what is no int32. The quotient may be off by one near a whole number. */
function modulo(value: number, divisor: number): number {
  const rest = value - Math.floor(value / divisor) * divisor;
  return rest < 0 ? rest + divisor : rest >= divisor ? rest - divisor : rest;
}

/** The remainder of the hash; `divisor` below 2^26, so that no product leaves the exact integers. */
export function remainder({ high, low }: Hash64, divisor: number): number {
  return modulo(modulo(high, divisor) * modulo(TWO_32, divisor) + low, divisor);
}
