// Strings that outlive the text they were cut from.

/**
 * A copy that stands alone. A slice keeps alive what it was cut from: to remember one series would hold a whole exposition, to remember a
 * host the head of its request. (Concatenating and slicing again gives the same slice back; only a new buffer helps.)
 */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}
