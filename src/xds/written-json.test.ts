// JSON of Envoy's messages as people write it.

import { expect, test } from "bun:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { PATCHABLE } from "./envoy-types.ts";
import { checkWritten, isPassedOn } from "./written-json.ts";

const LUA = "envoy.extensions.filters.http.lua.v3.Lua";
const url = (name: string) => `type.googleapis.com/${name}`;

function check(schema: keyof typeof PATCHABLE, value: JsonValue) {
  return checkWritten(PATCHABLE[schema], value);
}

function kinds(schema: keyof typeof PATCHABLE, value: JsonValue): string[] {
  return check(schema, value).problems.map(({ kind, path }) => `${kind} ${path.join("/")}`);
}

const filter = (config: JsonValue): JsonValue => ({ name: "mine", typed_config: config });

test("fields go by either name, durations and wrappers by protobuf's JSON", () => {
  expect(
    kinds("cluster", { connectTimeout: "1s", per_connection_buffer_limit_bytes: 5, lbPolicy: "RANDOM", name: null }),
  ).toEqual([]);
});

test("each mistake has its path", () => {
  const value = {
    conect_timeout: "1s",
    lb_policy: "RANDM",
    alt_stat_name: 5,
    circuit_breakers: { thresholds: [{ track_remaining: "yes" }, 5] },
    zzz: 1,
  };
  expect(kinds("cluster", value)).toEqual([
    "misspelt conect_timeout",
    "wrong-value lb_policy",
    "wrong-value alt_stat_name",
    "wrong-value circuit_breakers/thresholds/0/track_remaining",
    "wrong-value circuit_breakers/thresholds/1",
    "unknown-field zzz",
  ]);
});

test("what is wrong inside of a well-known type is told as the library tells it", () => {
  expect(kinds("cluster", { connect_timeout: "soon" })).toEqual(["unreadable "]);
});

test("a type that nobody knows becomes a TypedStruct; one that is nearly known is a mistake", () => {
  const unknown = check("http-filter", filter({ "@type": url("com.example.Mine"), knob: 1 }));
  expect(unknown.problems.every(isPassedOn)).toBe(true);
  expect(unknown.json).toEqual(
    filter({ "@type": url("xds.type.v3.TypedStruct"), type_url: url("com.example.Mine"), value: { knob: 1 } }),
  );
  const near = check("http-filter", filter({ "@type": url(`${LUA}x`) })).problems;
  expect(near.map((problem) => problem.kind === "unknown-type" && problem.near)).toEqual([LUA]);
  expect(near.every(isPassedOn)).toBe(false);
});

test("a field that only a newer API has makes a TypedStruct of a type that is known, and is a mistake outside of one", () => {
  const { json, problems } = check("http-filter", filter({ "@type": url(LUA), brand_new: 1 }));
  expect(problems.every(isPassedOn)).toBe(true);
  expect(json).toMatchObject({ typed_config: { type_url: url(LUA), value: { brand_new: 1 } } });
  expect(check("http-filter", { brand_new: 1 }).problems.every(isPassedOn)).toBe(false);
});

test("a TypedStruct of a type that is known becomes that type, and is held against it", () => {
  const struct = (value: JsonValue) => filter({ "@type": url("udpa.type.v1.TypedStruct"), type_url: url(LUA), value });
  expect(check("http-filter", struct({ inline_code: "x" })).json).toEqual(
    filter({ "@type": url(LUA), inline_code: "x" }),
  );
  expect(kinds("http-filter", struct({ inline_cod: "x" }))).toEqual(["misspelt typed_config/value/inline_cod"]);
});

test("a configuration without a type, or that is none, is told", () => {
  expect(kinds("http-filter", filter({ inline_code: "x" }))).toEqual(["missing-type typed_config"]);
  expect(kinds("http-filter", filter("x"))).toEqual(["wrong-value typed_config"]);
  expect(kinds("http-filter", [])).toEqual(["wrong-value "]);
});
