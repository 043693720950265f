// Which matches of a VirtualService leave nothing to later ones.

import { file } from "../../model/label-index.ts";

/** A condition on a text; `{}` asks only whether it is there. */
interface TextMatch {
  readonly exact?: string | undefined;
  readonly prefix?: string | undefined;
  readonly regex?: string | undefined;
}

/** Of an HTTP, TLS or TCP route: what is undefined asks for nothing. */
export interface Match {
  readonly uri?: TextMatch | undefined;
  readonly ignoreUriCase?: boolean | undefined;
  readonly gateways?: readonly string[] | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Names that decide nothing, and those that `covers` looks at together with others. */
const NO_CONDITIONS = new Set(["name", "statPrefix", "uri", "ignoreUriCase"]);
const TEXTS = new Set(["scheme", "method", "authority"]);
const TEXTS_BY_NAME = new Set(["headers", "queryParams"]);
/** One of them is enough. */
const ALTERNATIVES = new Set(["gateways", "sniHosts", "destinationSubnets"]);

/** Of the earlier matches of one path, those that a later one is held against: thousands of them are no more than these. */
const MAX_HELD = 200;

/** Of one VirtualService so many pairs are compared: after them only matches that say the same are found. */
const MAX_COMPARED = 500_000;

/** Earlier matches, by what they ask of the path. */
export class EarlierMatches {
  #left = MAX_COMPARED;
  readonly #same = new Map<string, string>();
  readonly #byPath = new Map<string, { readonly match: Match; readonly rule: string }[]>();

  /** What requests of `match` are not left to later ones; `rule` says whose it is. */
  add(match: Match, rule: string): void {
    const text = canonical(match);
    if (this.#same.has(text)) return;
    this.#same.set(text, rule);
    const path = pathOf(match);
    if ((this.#byPath.get(path)?.length ?? 0) < MAX_HELD) file(this.#byPath, path, { match, rule });
  }

  /** The rule that has every request of `match` before it. */
  before(match: Match): string | undefined {
    const same = this.#same.get(canonical(match));
    if (same !== undefined) return same;
    const path = pathOf(match);
    for (let length = 0; length <= path.length && this.#left > 0; length++) {
      this.#left -= 1 + (length >> 6); // a longer text takes longer to look up
      const earlier = this.#byPath.get(path.slice(0, length)) ?? [];
      const wider = earlier.find((each) => covers(each.match, match));
      this.#left -= earlier.length;
      if (wider) return wider.rule;
    }
    return undefined;
  }
}

/** Every match that covers this one has this text, or the beginning of it. */
function pathOf({ uri }: Match): string {
  if (!uri || isAnyPath(uri)) return "";
  return (uri.exact ?? uri.prefix ?? uri.regex ?? "").toLowerCase();
}

/** A path begins with `/`, but for that of `OPTIONS *` (RFC 9112 3.2.4). */
function isAnyPath({ prefix, regex }: TextMatch): boolean {
  return prefix === "/" || prefix === "" || regex === ".*" || regex === "/.*";
}

/** Whether every request that fits `narrow` fits `wide`. False where that cannot be told from the texts. */
export function covers(wide: Match, narrow: Match): boolean {
  if (!coversPath(wide, narrow)) return false;
  const other: Fields = { ...narrow };
  return Object.entries(wide).every(
    ([field, value]) => value === undefined || NO_CONDITIONS.has(field) || coversField(field, value, other[field]),
  );
}

function coversPath(wide: Match, narrow: Match): boolean {
  if (!wide.uri || isAnyPath(wide.uri)) return true;
  if (!narrow.uri) return false;
  if (!wide.ignoreUriCase) return !narrow.ignoreUriCase && coversText(wide.uri, narrow.uri);
  return coversText(lowered(wide.uri), lowered(narrow.uri));
}

function lowered({ exact, prefix, regex }: TextMatch): TextMatch {
  return { exact: exact?.toLowerCase(), prefix: prefix?.toLowerCase(), regex };
}

function coversText(wide: TextMatch, narrow: TextMatch): boolean {
  if (wide.exact !== undefined) return narrow.exact === wide.exact;
  if (wide.prefix !== undefined) return (narrow.exact ?? narrow.prefix)?.startsWith(wide.prefix) ?? false;
  return wide.regex === undefined || wide.regex === "*" || wide.regex === narrow.regex;
}

function coversField(field: string, wide: unknown, narrow: unknown): boolean {
  if (narrow === undefined) return isEmpty(wide);
  if (TEXTS.has(field)) return coversText(wide as TextMatch, narrow as TextMatch);
  if (TEXTS_BY_NAME.has(field)) return coversEach(wide, narrow, coversText);
  // What is not to be there: the wider condition forbids less.
  if (field === "withoutHeaders")
    return coversEach<TextMatch>(wide, narrow, (forbidden, more) => coversText(more, forbidden));
  if (field === "sourceLabels") return coversEach(wide, narrow, (value, other) => value === other);
  if (ALTERNATIVES.has(field)) return includesAll(wide as readonly string[], narrow as readonly string[]);
  return canonical(wide) === canonical(narrow);
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function includesAll(all: readonly string[], some: readonly string[]): boolean {
  return some.every((each) => all.includes(each));
}

function coversEach<T>(wide: unknown, narrow: unknown, coversOne: (wide: T, narrow: T) => boolean): boolean {
  const others = narrow as Readonly<Record<string, T>>;
  return Object.entries(wide as Readonly<Record<string, T>>).every(
    ([name, value]) => name in others && coversOne(value, others[name]!),
  );
}

/** Equal text for what asks the same: names of matches play no part, nor does the order of fields. */
function canonical(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .filter(([key]) => key !== "name" && key !== "statPrefix")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => [key, sorted(field)]);
}
