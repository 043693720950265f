// Domain names as they travel (RFC 1035 section 3.1): labels with their lengths, compressed by pointers to what stood before.

/** Of the wire form, lengths and the root's zero included (RFC 1035 section 2.3.4). */
const MAX_NAME = 255;
const MAX_LABEL = 63;
/** A name has at most 127 labels, so no honest one needs more pointers; each leads backwards, so that none can lead in a circle. */
const MAX_POINTERS = 127;
const POINTER = 0xc0;

const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** Wire form, uncompressed, in the case that it was written in. */
export type Name = Uint8Array;

export type ReadName =
  | { readonly kind: "name"; readonly name: Name /** Behind it in the message. */; readonly end: number }
  | { readonly kind: "malformed"; readonly reason: string };

function malformed(reason: string): ReadName {
  return { kind: "malformed", reason };
}

/** The name at `start` of a message. */
export function readName(message: Uint8Array, start: number): ReadName {
  const name = new Uint8Array(MAX_NAME);
  let length = 0;
  let at = start;
  /** Pointers must lead before this. */
  let floor = start;
  let pointers = 0;
  let end: number | undefined;
  for (;;) {
    const head = message[at];
    if (head === undefined) return malformed("a name is cut off");
    if (head > MAX_LABEL) {
      const low = message[at + 1];
      if ((head & POINTER) !== POINTER) return malformed("a label of an unknown kind");
      if (low === undefined) return malformed("a pointer is cut off");
      const target = ((head & ~POINTER) << 8) | low;
      if (target >= floor) return malformed("a pointer does not lead backwards");
      if (++pointers > MAX_POINTERS) return malformed("too many pointers in a name");
      end ??= at + 2;
      floor = target;
      at = target;
      continue;
    }
    if (length + 1 + head > MAX_NAME) return malformed("a name is longer than 255 bytes");
    if (at + 1 + head > message.length) return malformed("a label is cut off");
    name.set(message.subarray(at, at + 1 + head), length);
    length += 1 + head;
    at += 1 + head;
    if (head === 0) return { kind: "name", name: name.slice(0, length), end: end ?? at };
  }
}

/**
 * The name as people write it, in small letters and without the last dot: what names are compared by. A dot or backslash within a label is
 * escaped (RFC 1035 section 5.1), other bytes are Latin-1.
 */
export function nameText(name: Name): string {
  let text = "";
  for (let at = 0; name[at] !== 0 && at < name.length; ) {
    const end = at + 1 + name[at]!;
    if (at > 0) text += ".";
    for (at++; at < end; at++) {
      const byte = name[at]!;
      if (byte === DOT || byte === BACKSLASH) text += "\\";
      text += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
    }
  }
  return text;
}

/** Undefined for what is no host name of the wire: an empty or too long label, too many of them, letters beyond ASCII. */
export function nameOf(host: string): Name | undefined {
  const text = host.endsWith(".") ? host.slice(0, -1) : host;
  const name = new Uint8Array(text.length + 2);
  let at = 0;
  for (const label of text.split(".")) {
    if (label === "" || label.length > MAX_LABEL || !/^[!-[\]-~]+$/.test(label)) return undefined;
    name[at++] = label.length;
    for (let i = 0; i < label.length; i++) name[at++] = label.charCodeAt(i);
  }
  return name.length > MAX_NAME ? undefined : name;
}
