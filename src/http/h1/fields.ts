// The field lines of a head or of trailers: one pass over the bytes that checks every octet, drops what concerns only this hop and
// sets apart what frames the message (RFC 9112 5, RFC 9110 7.6.1).

import { type HeaderList, removeHeader } from "../headers.ts";
import { mayTrail } from "../trailers.ts";
import { findName, type SpecialField } from "./field-name.ts";
import { COLON, CR, HTAB, LF, LOWER_TOKEN, SP, VALUE } from "./octets.ts";
import { REFUSED, Refusal } from "./refusal.ts";

/** Envoy's limit (`MAX_ALLOWED_NOMINATED_HEADERS`): a peer has no use for more. */
const MAX_NOMINATED = 10;

/** A colon and a line's end. */
const LINE_BYTES = 3;

/** What a head's field lines say. */
export class FieldSection {
  /** What is handed over. */
  readonly headers: HeaderList = [];
  /** Undefined without one; "" also when a second one came, which no request may have. */
  host: string | undefined = undefined;
  /** -1 without one. */
  contentLength = -1;
  /** All codings, joined with ",". */
  transferEncoding: string | undefined = undefined;
  upgrade: string | undefined = undefined;
  /** `Expect: 100-continue`, which stays in `headers`. */
  expectsContinue = false;
  /** Connection options: `close`, `keep-alive`, `upgrade`, and names of fields for this hop. */
  close = false;
  keepAlive = false;
  upgradeOption = false;
  nominated: string[] | undefined = undefined;
  teTrailers = false;
  /** Filled where it is there. */
  readonly fieldCase: Map<string, string> | undefined;
  /** Of names, values and what every line has besides: no white space around values (Envoy: ConnectionImpl::completeCurrentHeader). */
  bytes = 0;
  /** Any field that the codec acts on was there. */
  special = false;

  constructor(keepsCase: boolean) {
    this.fieldCase = keepsCase ? new Map() : undefined;
  }
}

/**
 * Reads the lines of `bytes` from `start` to `end`, each with its CRLF; a `\r` at `end` is readable.
 * Refuses more than `maxFields` lines. `keepsCase`: the letters of names are kept beside.
 */
export function readFields(
  bytes: Buffer,
  start: number,
  end: number,
  maxFields: number,
  keepsCase: boolean,
): FieldSection | Refusal {
  const section = new FieldSection(keepsCase);
  const { headers, fieldCase } = section;
  let at = start;
  for (let count = 0; at < end; count++) {
    if (count === maxFields) return REFUSED.tooManyFields;
    const nameStart = at;
    while (LOWER_TOKEN[bytes[at]!] !== 0) at++;
    if (bytes[at] !== COLON || at === nameStart) return badName(bytes, nameStart, at);
    const known = findName(bytes, nameStart, at);
    const nameEnd = at++;
    while (bytes[at] === SP || bytes[at] === HTAB) at++;
    let value: string;
    let lineEnd = known === undefined ? -1 : known.endOfLastValue(bytes, at);
    if (lineEnd !== -1) value = known!.lastValue;
    else {
      lineEnd = at;
      while (VALUE[bytes[lineEnd]!] === 1) lineEnd++;
      if (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF) return badValue(bytes[lineEnd]!);
      let valueEnd = lineEnd;
      while (valueEnd > at && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
      value = bytes.latin1Slice(at, valueEnd);
      known?.remember(value, bytes, at, valueEnd);
    }
    at = lineEnd + 2;
    section.bytes += nameEnd - nameStart + value.length + LINE_BYTES;

    if (fieldCase !== undefined) keepCase(fieldCase, bytes.latin1Slice(nameStart, nameEnd));
    if (known === undefined) headers.push(bytes.latin1Slice(nameStart, nameEnd).toLowerCase(), value);
    else if (known.special === undefined) headers.push(known.text, value);
    else {
      section.special = true;
      const refusal = takeSpecial(section, known.special, value);
      if (refusal !== undefined) return refusal;
    }
  }
  if (section.nominated !== undefined) return removeNominated(section, section.nominated);
  return section;
}

function keepCase(fieldCase: Map<string, string>, written: string): void {
  const name = written.toLowerCase();
  if (!fieldCase.has(name)) fieldCase.set(name, written);
}

/** A name ended by something else than its colon, or empty. */
function badName(bytes: Buffer, start: number, at: number): Refusal {
  const byte = bytes[at]!;
  if (at === start && (byte === SP || byte === HTAB)) return REFUSED.folded;
  return byte === SP || byte === HTAB || (byte >= SP && byte !== 0x7f) ? REFUSED.fieldName : REFUSED.controlCharacter;
}

function badValue(byte: number): Refusal {
  return byte === CR || byte === LF ? REFUSED.controlCharacter : REFUSED.fieldValue;
}

function takeSpecial(section: FieldSection, special: SpecialField, value: string): Refusal | undefined {
  switch (special) {
    case "host":
      section.host = section.host === undefined ? value : "";
      return undefined;
    case "content-length": {
      // Identical repetitions are refused too: whoever sends two has been through something that does not count on one.
      const length = section.contentLength === -1 ? parseLength(value) : -1;
      section.contentLength = length;
      return length === -1 ? REFUSED.contentLength : undefined;
    }
    case "transfer-encoding":
      section.transferEncoding =
        section.transferEncoding === undefined ? value : `${section.transferEncoding},${value}`;
      return undefined;
    case "connection":
      return takeOptions(section, value);
    case "upgrade":
      section.upgrade = section.upgrade === undefined ? value : `${section.upgrade},${value}`;
      return undefined;
    case "te":
      // Transfer codings end here; that trailers are welcome is all that concerns the next hop (RFC 9110 10.1.4).
      if (!section.teTrailers && listHas(value, "trailers")) {
        section.teTrailers = true;
        section.headers.push("te", "trailers");
      }
      return undefined;
    case "expect":
      section.expectsContinue = value.toLowerCase() === "100-continue";
      section.headers.push("expect", value);
      return undefined;
    case "dropped":
      return undefined;
  }
}

/** 1*DIGIT up to 2⁵³-1; -1 for anything else. Sixteen digits hold that, so more are refused however many zeros lead. */
function parseLength(text: string): number {
  if (text.length === 0 || text.length > 16) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

function listHas(list: string, item: string): boolean {
  return list.split(",").some((element) => element.trim().toLowerCase() === item);
}

function takeOptions(section: FieldSection, value: string): Refusal | undefined {
  if (value === "keep-alive" || value === "Keep-Alive") section.keepAlive = true;
  else if (value === "close") section.close = true;
  else {
    for (const element of value.split(",")) {
      const option = element.trim().toLowerCase();
      if (option === "close") section.close = true;
      else if (option === "keep-alive") section.keepAlive = true;
      else if (option === "upgrade") section.upgradeOption = true;
      else if (option !== "" && option !== "te") {
        section.nominated ??= [];
        if (section.nominated.push(option) > MAX_NOMINATED) return REFUSED.connection;
      }
    }
  }
  return undefined;
}

/**
 * Removes the fields that a Connection field named. Where a proxy before us vouched for something in X-Forwarded-*, hiding it is an
 * attack (Envoy's `sanitizeConnectionHeader`), and so is hiding what frames or routes the message.
 */
function removeNominated(section: FieldSection, nominated: readonly string[]): FieldSection | Refusal {
  for (const name of nominated) {
    if (
      name.startsWith("x-forwarded-") ||
      name === "host" ||
      name === "content-length" ||
      name === "transfer-encoding"
    ) {
      return REFUSED.connection;
    }
    removeHeader(section.headers, name);
  }
  return section;
}

/** As `FieldSection.bytes`, of fields that are handed over as they came. */
export function receivedFieldBytes(headers: HeaderList): number {
  let bytes = (headers.length / 2) * LINE_BYTES;
  for (let i = 0; i < headers.length; i++) bytes += headers[i]!.length;
  return bytes;
}

/** The trailer fields in `bytes` from `start` to `end`. What the codec itself acts on is refused besides what no trailers may hold. */
export function readTrailers(bytes: Buffer, start: number, end: number, maxFields: number): HeaderList | Refusal {
  const section = readFields(bytes, start, end, maxFields, false);
  if (section instanceof Refusal) return section;
  if (section.special) return REFUSED.trailer;
  for (let i = 0; i < section.headers.length; i += 2) {
    if (!mayTrail(section.headers[i]!)) return REFUSED.trailer;
  }
  return section.headers;
}
