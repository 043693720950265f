// MurmurHash2 of 64 bits (MurmurHash64A), which libstdc++ hashes strings with and Envoy offers for rings. Only rings are built with it.

const M = 0xc6a4a7935bd1e995n;
const R = 47n;
const MASK = 0xffff_ffff_ffff_ffffn;
/** Envoy: MurmurHash::STD_HASH_SEED. */
const SEED = 0xc70f6907n;

const mix = (value: bigint) => value ^ (value >> R);

export function murmurHash2(text: string): bigint {
  const bytes = Buffer.from(text);
  const whole = bytes.length & ~7;
  let hash = SEED ^ ((BigInt(bytes.length) * M) & MASK);
  for (let i = 0; i < whole; i += 8) {
    const block = (mix((bytes.readBigUInt64LE(i) * M) & MASK) * M) & MASK;
    hash = ((hash ^ block) * M) & MASK;
  }
  if (whole < bytes.length) {
    let tail = 0n;
    for (let i = bytes.length - 1; i >= whole; i--) tail = (tail << 8n) | BigInt(bytes[i]!);
    hash = ((hash ^ tail) * M) & MASK;
  }
  return mix((mix(hash) * M) & MASK);
}
