// Names from `metadata.generateName`, as Kubernetes makes them.

/** Without vowels and digits that look like them, so that no words come about. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;
const MAX_BASE_LENGTH = 63 - SUFFIX_LENGTH;

/** `web-` gives `web-x7k2p`. 27⁵ is 14 million: a collision is a 409, after which the client tries again. */
export function generatedName(base: string): string {
  const random = crypto.getRandomValues(new Uint8Array(SUFFIX_LENGTH));
  return base.slice(0, MAX_BASE_LENGTH) + Array.from(random, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
