// Formats of texts as regular expressions that RE2 and ECMAScript read alike. Each lets through whatever the format's own check
// (dialect/formats.ts) does; what the check knows better it still says.

import type { Format, ListSchema, MapSchema, TextSchema } from "../dialect/schema.ts";

const LABEL = "[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?";
const HOST = `${LABEL}(\\.${LABEL})*\\.?`;
/** Of IPv6, or what looks like it: an address of IPv4 is a host by its letters. */
const ADDRESS = "[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*";
const LABEL_VALUE = "([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?";

export interface TextLimits {
  readonly pattern?: string;
  readonly maxLength?: number;
}

const LIMITS: Readonly<Record<Format, TextLimits>> = {
  address: { pattern: "^[0-9A-Fa-f:.]+$" },
  base64: { pattern: "^[-A-Za-z0-9_+/]*={0,2}$" },
  cidr: { pattern: "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$" },
  "dns-label": { pattern: `^${LABEL}$`, maxLength: 63 },
  "header-name": { pattern: "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$" },
  "header-word": { pattern: "^[-_A-Za-z0-9]+$" },
  host: { pattern: `^${HOST}$`, maxLength: 256 },
  "host-or-address": { pattern: `^(${HOST}|${ADDRESS})$`, maxLength: 256 },
  "label-value": { pattern: `^${LABEL_VALUE}$`, maxLength: 63 },
  regex: { maxLength: 1024 },
  "regex-or-any": { maxLength: 1024 },
  "wildcard-host": { pattern: `^(\\*|(\\*\\.|\\*-?)?${HOST}|${ADDRESS})$`, maxLength: 258 },
};

export function textLimits({ format, emptyIsUnset, most }: TextSchema): TextLimits {
  const limits: TextLimits = {
    ...(format === undefined ? {} : LIMITS[format]),
    ...(most === undefined ? {} : { maxLength: most }),
  };
  if (!emptyIsUnset || limits.pattern === undefined) return limits;
  return { ...limits, pattern: `^(${limits.pattern.slice(1, -1)})?$` };
}

export function itemBounds({ least, most }: ListSchema): { readonly minItems?: number; readonly maxItems?: number } {
  return { ...(least === undefined ? {} : { minItems: least }), ...(most === undefined ? {} : { maxItems: most }) };
}

export function entryBounds({ least, most }: MapSchema): {
  readonly minProperties?: number;
  readonly maxProperties?: number;
} {
  return {
    ...(least === undefined ? {} : { minProperties: least }),
    ...(most === undefined ? {} : { maxProperties: most }),
  };
}

/** Of the keys of a map. Pseudo headers and claims of tokens stand among the names of headers. */
export function keyPattern(keys: MapSchema["keys"]): string | undefined {
  switch (keys) {
    case undefined:
      return undefined;
    case "label-key":
      return "^([-.A-Za-z0-9]+/)?[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$";
    case "port":
      return "^[0-9]{1,5}$";
    case "header-name":
      return "^(@request\\.auth\\..*|:?[-!#$%&'*+.^_`|~0-9A-Za-z]+)$";
    default:
      return LIMITS[keys].pattern;
  }
}

/** Go's and protobuf's durations, which have no days. */
export const DURATION = "^(0|([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$";
