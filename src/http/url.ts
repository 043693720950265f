// Authority and request target: what both codecs let through before anything matches on them (RFC 3986, RFC 9110 4.2 and 7.2).

import { isIPv6 } from "node:net";

function table(characters: string): Uint8Array {
  const allowed = new Uint8Array(256);
  for (const character of characters) allowed[character.charCodeAt(0)] = 1;
  return allowed;
}

const DIGITS = "0123456789";
const ALPHANUMERIC = `abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ${DIGITS}`;
const HEX = table(`${DIGITS}abcdefABCDEF`);

/**
 * 1 for the bytes of a request target: visible ASCII but "#", for a fragment never travels (RFC 9112 3.2). More than RFC 3986 allows
 * ("|", "{", "^" …), because browsers send those; what could end the line or the target is out, and so is everything beyond ASCII.
 */
export const TARGET_BYTES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte > 0x20 && byte < 0x7f && byte !== 0x23 ? 1 : 0,
);

/**
 * RFC 3986's reg-name without ",": a comma in a Host is what a list of two looks like after something joined them.
 * No "@" either: user information is refused (RFC 9110 4.2.4).
 */
const NAME_BYTES = table(`${ALPHANUMERIC}-._~%!$&'()*+;=`);

/** A path with its query in origin-form, as `:path` carries it. */
export function isPath(text: string): boolean {
  if (text.charCodeAt(0) !== 0x2f) return false;
  for (let i = 1; i < text.length; i++) if (TARGET_BYTES[text.charCodeAt(i)] !== 1) return false;
  return true;
}

/** Index of the ":" before a port, or the length when there is no port; of a well-formed or malformed authority. */
function portStart(authority: string): number {
  if (authority.charCodeAt(0) === 0x5b) {
    const bracket = authority.indexOf("]");
    return bracket < 0 ? authority.length : bracket + 1;
  }
  const colon = authority.indexOf(":");
  return colon < 0 ? authority.length : colon;
}

function isHost(text: string, end: number): boolean {
  if (text.charCodeAt(0) === 0x5b) {
    const address = text.slice(1, end - 1);
    return text.charCodeAt(end - 1) === 0x5d && isIPv6(address) && !address.includes("%"); // a zone means nothing to another host
  }
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    if (NAME_BYTES[code] !== 1) return false;
    if (code === 0x25 && !(i + 2 < end && HEX[text.charCodeAt(i + 1)] === 1 && HEX[text.charCodeAt(i + 2)] === 1))
      return false;
  }
  return end > 0;
}

/** 0 to 65535 from `text` at `start`, digits to the end; -1 otherwise. */
function port(text: string, start: number): number {
  const digits = text.length - start;
  if (digits < 1 || digits > 5) return -1;
  let value = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value <= 0xffff ? value : -1;
}

/** The authority that was found well-formed last: nearly every request of a process names the same few. */
let known = "";

/** True for `host`, `host:port`, `[ipv6]` and `[ipv6]:port`, without user information, empty parts or a port out of range. */
export function isAuthority(text: string): boolean {
  if (text === known) return text !== "";
  const end = portStart(text);
  if (!isHost(text, end)) return false;
  if (end < text.length && (text.charCodeAt(end) !== 0x3a || port(text, end + 1) < 0)) return false;
  known = text;
  return true;
}

/** Host of a well-formed authority, lower case, brackets kept, for matching. */
export function hostOf(authority: string): string {
  return authority.slice(0, portStart(authority)).toLowerCase();
}

/** Port of a well-formed authority; undefined when it names none. */
export function portOf(authority: string): number | undefined {
  const end = portStart(authority);
  return end === authority.length ? undefined : port(authority, end + 1);
}
