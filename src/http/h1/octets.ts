// Tables of the octets that HTTP/1.1's grammar allows: one load a byte while parsing, one a character while writing.

import { TARGET_BYTES } from "../url.ts";

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;

const TOKEN_MARKS = "!#$%&'*+-.^_`|~"; // RFC 9110 5.6.2, beside letters and digits

function isToken(byte: number): boolean {
  const character = String.fromCharCode(byte);
  return /[0-9A-Za-z]/.test(character) || TOKEN_MARKS.includes(character);
}

function table(entry: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => entry(byte));
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** The octet of a token in lower case; 0 for what is none. */
export const LOWER_TOKEN: Uint8Array = table((byte) => (isToken(byte) ? lowerCase(byte) : 0));

/** 1 for the octets of a method: tokens without lower-case letters, since `get` is another method than `GET` to one server and the same to the next. */
export const METHOD: Uint8Array = table((byte) => (isToken(byte) && !(byte >= 0x61 && byte <= 0x7a) ? 1 : 0));

/** 1 for the octets of a field's value: HTAB, SP, visible ASCII and obs-text (RFC 9110 5.5). */
export const VALUE: Uint8Array = table((byte) => (byte === HTAB || (byte >= SP && byte !== 0x7f) ? 1 : 0));

/**
 * What is written for a character of a value, indexed by its low eight bits: itself, or SP for what could end the line (RFC 9110 5.5
 * has a proxy replace CR, LF and NUL so). Whoever made the value, it cannot become another field. The low eight bits are taken before
 * the look-up, so U+010A is no way to an LF either.
 */
export const WRITTEN_VALUE: Uint8Array = table((byte) => (VALUE[byte] === 1 ? byte : SP));

/** Finds what `WRITTEN_VALUE` changes. It names what is refused: the same set with `^` takes three times as long. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const CHANGED_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f\u0100-\uffff]/;

/** `WRITTEN_VALUE` for names: "_" for what no name may hold. */
export const WRITTEN_NAME: Uint8Array = table((byte) => LOWER_TOKEN[byte] || 0x5f);

/** The same for names that keep their letters. */
export const WRITTEN_CASED_NAME: Uint8Array = table((byte) => (isToken(byte) ? byte : 0x5f));

/** The same for methods and targets. */
export const WRITTEN_TARGET: Uint8Array = table((byte) => (TARGET_BYTES[byte] === 1 ? byte : 0x5f));

/** Value of a hexadecimal digit, -1 for anything else. */
export const HEX_DIGIT: Int8Array = Int8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[0-9A-Fa-f]/.test(character) ? Number.parseInt(character, 16) : -1;
});
