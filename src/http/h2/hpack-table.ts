// The tables of HPACK (RFC 7541 2.3, appendix A): the static one, and the dynamic one as the decoder needs it.

import { fieldKind, type Kind, nameKind } from "./field-kind.ts";

/** What an entry weighs beside its octets (RFC 7541 4.1). */
export const ENTRY_OVERHEAD = 32;
/** SETTINGS_HEADER_TABLE_SIZE that is offered and used: the protocol's default. Larger ones are what table-size games are about. */
export const TABLE_BYTES = 4096;
/** As many entries as fit when all are empty: a power of two. */
export const TABLE_SLOTS = TABLE_BYTES / ENTRY_OVERHEAD;
export const SLOT_MASK = TABLE_SLOTS - 1;
export const STATIC_COUNT = 61;

const STATIC_FIELDS =
  ":authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|:status 206|" +
  ":status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|accept|" +
  "access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|" +
  "content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|" +
  "if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|" +
  "referer|refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate";

/** Names and values by index, from 1. */
export const STATIC_NAMES: string[] = [""];
export const STATIC_VALUES: string[] = [""];
/** What the name and what the whole field is, see field-kind.ts. */
export const STATIC_NAME_KINDS: number[] = [0];
export const STATIC_KINDS: Kind[] = [0];
/** The first index of each name. */
export const STATIC_INDEX = new Map<string, number>();

for (const field of STATIC_FIELDS.split("|")) {
  const space = field.indexOf(" ");
  const name = space < 0 ? field : field.slice(0, space);
  const value = space < 0 ? "" : field.slice(space + 1);
  if (!STATIC_INDEX.has(name)) STATIC_INDEX.set(name, STATIC_NAMES.length);
  STATIC_NAMES.push(name);
  STATIC_VALUES.push(value);
  STATIC_NAME_KINDS.push(nameKind(name));
  STATIC_KINDS.push(fieldKind(nameKind(name), value));
}

/** The decoder's dynamic table: a ring of parallel arrays, so that neither insertion nor eviction allocates. */
export class DecoderTable {
  readonly names: string[] = new Array<string>(TABLE_SLOTS).fill("");
  readonly values: string[] = new Array<string>(TABLE_SLOTS).fill("");
  readonly nameKinds = new Uint8Array(TABLE_SLOTS);
  readonly kinds = new Uint8Array(TABLE_SLOTS);
  /** Entries ever inserted and ever evicted: the newest is `#inserted - 1`. */
  #inserted = 0;
  #evicted = 0;
  #bytes = 0;
  #maxBytes = TABLE_BYTES;

  /** Place in the arrays of the entry that a field refers to as `index` (62 is the newest), or -1. */
  slot(index: number): number {
    const position = this.#inserted + STATIC_COUNT - index;
    return position < this.#evicted ? -1 : position & SLOT_MASK;
  }

  insert(name: string, value: string, nameKind: number, kind: Kind): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    this.#shrink(this.#maxBytes - size);
    if (size > this.#maxBytes) return; // RFC 7541 4.4: an entry larger than the table empties it
    const slot = this.#inserted++ & SLOT_MASK;
    this.names[slot] = name;
    this.values[slot] = value;
    this.nameKinds[slot] = nameKind;
    this.kinds[slot] = kind;
    this.#bytes += size;
  }

  /** Takes the peer's size update; it must not be above what was offered. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#shrink(maxBytes);
  }

  #shrink(bytes: number): void {
    while (this.#bytes > bytes && this.#evicted < this.#inserted) {
      const slot = this.#evicted++ & SLOT_MASK;
      this.#bytes -= this.names[slot]!.length + this.values[slot]!.length + ENTRY_OVERHEAD;
    }
  }
}
