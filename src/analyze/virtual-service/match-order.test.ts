import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { covers, EarlierMatches, type Match } from "./match-order.ts";

interface TextMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}
interface Conditions extends Match {
  readonly method?: TextMatch;
  readonly headers?: Readonly<Record<string, TextMatch>>;
  readonly withoutHeaders?: Readonly<Record<string, TextMatch>>;
  readonly port?: number;
  readonly gateways?: readonly string[];
}
interface Request {
  readonly uri: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly port: number;
  readonly gateway: string;
}

/** What a match means, by itself. */
function fits(match: Conditions, request: Request): boolean {
  const { uri, ignoreUriCase, method, headers = {}, withoutHeaders = {}, port, gateways } = match;
  const path = ignoreUriCase ? request.uri.toLowerCase() : request.uri;
  const wanted = ignoreUriCase && uri ? (JSON.parse(JSON.stringify(uri).toLowerCase()) as TextMatch) : uri;
  const hasHeader = ([name, text]: [string, TextMatch]) =>
    name in request.headers && fitsText(text, request.headers[name]!);
  return (
    (!wanted || fitsText(wanted as TextMatch, path)) &&
    (!method || fitsText(method, request.method)) &&
    Object.entries(headers).every(hasHeader) &&
    !Object.entries(withoutHeaders).some(hasHeader) &&
    (port === undefined || port === request.port) &&
    (!gateways || gateways.includes(request.gateway))
  );
}

function fitsText({ exact, prefix, regex }: TextMatch, text: string): boolean {
  if (exact !== undefined) return text === exact;
  if (prefix !== undefined) return text.startsWith(prefix);
  return regex === undefined || new RegExp(`^(?:${regex})$`).test(text);
}

const path = fc.constantFrom("/", "/a", "/A", "/a/b", "/ab");
const text = (values: fc.Arbitrary<string>): fc.Arbitrary<TextMatch> =>
  fc.oneof(
    values.map((exact) => ({ exact })),
    values.map((prefix) => ({ prefix })),
    fc.constantFrom({ regex: "/a.*" }, { regex: ".*" }),
  );
const value = fc.constantFrom("", "x", "xy");
const headers = (one: fc.Arbitrary<TextMatch>) => fc.dictionary(fc.constantFrom("h", "i"), one, { maxKeys: 2 });
const header = fc.oneof(text(value), fc.constant({}));
const match: fc.Arbitrary<Conditions> = fc.record(
  {
    uri: text(path),
    ignoreUriCase: fc.boolean(),
    method: text(fc.constantFrom("GET", "GETS")),
    headers: headers(header),
    withoutHeaders: headers(header),
    port: fc.constantFrom(80, 81),
    gateways: fc.subarray(["mesh", "edge"], { minLength: 1 }),
  },
  { requiredKeys: [] },
);
const request: fc.Arbitrary<Request> = fc.record({
  uri: path,
  method: fc.constantFrom("GET", "GETS"),
  headers: fc.dictionary(fc.constantFrom("h", "i"), value, { maxKeys: 2 }),
  port: fc.constantFrom(80, 81),
  gateway: fc.constantFrom("mesh", "edge"),
});
const requests = fc.array(request, { minLength: 20, maxLength: 20 });

describe("a match that leaves nothing to another", () => {
  test("has every request of it", () => {
    let held = 0;
    fc.assert(
      fc.property(match, match, requests, (wide, other, all) => {
        // Most pairs have nothing to do with each other, so that the narrower has what it does not say itself from the wider.
        const narrow = { ...wide, ...other };
        if (!covers(wide, narrow)) return;
        held++;
        expect(all.filter((each) => fits(narrow, each) && !fits(wide, each))).toEqual([]);
      }),
      { numRuns: 4_000 },
    );
    expect(held).toBeGreaterThan(80);
  });

  test("is found among earlier ones, whichever they are", () => {
    fc.assert(
      fc.property(fc.array(match, { maxLength: 12 }), match, (before, last) => {
        const earlier = new EarlierMatches();
        for (const each of before) earlier.add(each, "r");
        expect(earlier.before(last) !== undefined).toBe(before.some((each) => covers(each, last)));
      }),
      { numRuns: 1_000 },
    );
  });

  const cases: readonly (readonly [string, Conditions, Conditions, boolean])[] = [
    ["a shorter prefix", { uri: { prefix: "/a" } }, { uri: { prefix: "/ab" } }, true],
    ["a prefix, and the path itself", { uri: { prefix: "/a" } }, { uri: { exact: "/a" } }, true],
    ["a longer prefix", { uri: { prefix: "/ab" } }, { uri: { prefix: "/a" } }, false],
    ["a path, and its prefix", { uri: { exact: "/a" } }, { uri: { prefix: "/a" } }, false],
    ["every path", { uri: { prefix: "/" } }, { method: { exact: "GET" } }, true],
    ["another method", { method: { exact: "GET" } }, { method: { exact: "POST" } }, false],
    ["a header that is there", { headers: { h: {} } }, { headers: { h: { exact: "x" }, i: {} } }, true],
    [
      "a header that must not be anything",
      { withoutHeaders: { h: {} } },
      { withoutHeaders: { h: { exact: "x" } } },
      false,
    ],
    ["one gateway of two", { gateways: ["mesh"] }, { gateways: ["mesh", "edge"] }, false],
    ["case", { uri: { exact: "/A" }, ignoreUriCase: true }, { uri: { exact: "/a" } }, true],
    ["case that counts", { uri: { exact: "/a" } }, { uri: { exact: "/A" }, ignoreUriCase: true }, false],
  ];
  test.each(cases)("%s", (_, wide, narrow, expected) => expect(covers(wide, narrow)).toBe(expected));
});
