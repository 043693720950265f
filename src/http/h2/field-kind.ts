// What a field is and whether it is well-formed (RFC 9113 8.2, 8.3). Asked once when a field enters the decoder's table, not each
// time a request repeats it: that makes full validation free for the fields that a mesh leg sends again and again.

import { isAuthority, isPath } from "../url.ts";

export const KIND = {
  regular: 0,
  authority: 1,
  method: 2,
  path: 3,
  scheme: 4,
  status: 5,
  protocol: 6,
  cookie: 7,
  host: 8,
  contentLength: 9,
  /** Breaks a rule: a stream error, whatever else the block holds. */
  malformed: 10,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

const TE = 11; // a name kind only: with a valid value it is a regular field

const SPECIAL_NAMES: ReadonlyMap<string, number> = new Map<string, number>([
  [":authority", KIND.authority],
  [":method", KIND.method],
  [":path", KIND.path],
  [":scheme", KIND.scheme],
  [":status", KIND.status],
  [":protocol", KIND.protocol],
  ["cookie", KIND.cookie],
  ["host", KIND.host],
  ["content-length", KIND.contentLength],
  ["te", TE],
  // Connection-specific: they have no meaning in HTTP/2 and smuggle where the next hop is HTTP/1.1 (RFC 9113 8.2.2).
  ["connection", KIND.malformed],
  ["proxy-connection", KIND.malformed],
  ["keep-alive", KIND.malformed],
  ["transfer-encoding", KIND.malformed],
  ["upgrade", KIND.malformed],
]);

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/; // token without upper case (RFC 9113 8.2.1)
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/; // RFC 9110 5.6.2
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Z]+$/; // a token; `get` is another method than `GET` to one server and the same to the next
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/; // RFC 9113 8.2.1 forbids NUL, CR, LF; RFC 9110 5.5 the other controls but HTAB
const SCHEME = /^https?$/;
const STATUS = /^[1-5][0-9][0-9]$/;
const LENGTH = /^[0-9]{1,16}$/;

/** The kind that a name gives its field, the value aside. Only for `fieldKind`. */
export function nameKind(name: string): number {
  const special = SPECIAL_NAMES.get(name);
  if (special !== undefined) return special;
  return NAME.test(name) ? KIND.regular : KIND.malformed;
}

function isFieldValue(value: string): boolean {
  if (value === "") return true;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  if (first === 0x20 || first === 0x09 || last === 0x20 || last === 0x09) return false;
  return !CONTROL.test(value);
}

function isValid(name: number, value: string): boolean {
  switch (name) {
    case KIND.authority:
    case KIND.host:
      return isAuthority(value);
    case KIND.method:
      return METHOD.test(value);
    case KIND.protocol:
      return TOKEN.test(value);
    case KIND.path:
      return isPath(value) || value === "*";
    case KIND.scheme:
      return SCHEME.test(value);
    case KIND.status:
      return STATUS.test(value);
    case KIND.contentLength:
      return LENGTH.test(value) && Number(value) <= Number.MAX_SAFE_INTEGER;
    case TE:
      return value === "trailers";
    case KIND.malformed:
      return false;
    default:
      return isFieldValue(value);
  }
}

/** The kind of a whole field, from what `nameKind` said of its name. */
export function fieldKind(name: number, value: string): Kind {
  if (!isValid(name, value)) return KIND.malformed;
  return name === TE ? KIND.regular : (name as Kind);
}
