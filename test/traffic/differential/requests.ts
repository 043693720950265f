// Requests near what the rules of a mesh say, and off it by a letter's case, a slash, a dot, an escape, a port or an empty value.

import fc from "fast-check";
import type { Field } from "../xds/wire.ts";
import { anyMethod, anyPath, anyValue, EDGE_HOSTS, HEADERS, MESH_HOSTS, PARAMETERS } from "./vocabulary.ts";

/** Where it enters the mesh: at the client's proxy, or at the gateway. */
export type Door = "client" | "edge";

export interface AskedRequest {
  readonly door: Door;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** On HTTP/1.1, the target is in absolute-form. */
  readonly absolute: boolean;
  readonly headers: readonly Field[];
}

const slips: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => path,
  (path) => path.toUpperCase(),
  (path) => `${path}/`,
  (path) => path.replace("/", "//"),
  (path) => `/.${path}`,
  (path) => `${path}/.`,
  (path) => `/x/..${path}`,
  (path) => `/..${path}`,
  (path) => `${path}/../a`,
  (path) => path.replace("a", "%61"),
  (path) => path.replace("/b", "%2fb"),
  (path) => path.replace("/b", "%5Cb"),
  (path) => path.replace("/b", "\\b"),
  (path) => `${path};v=1`,
  (path) => `${path}%`,
  (path) => `${path}%zz`,
  (path) => `${path}%00`,
  (path) => `${path}é`,
  (path) => `${path}+x`,
  (path) => `${path}%20x`,
  (path) => `/%2e%2e${path}`,
  (path) => `/%2e${path}`,
  (path) => `${path}x`,
];

const parameter = fc
  .tuple(
    fc.constantFrom(...PARAMETERS, "Q", ""),
    fc.option(fc.constantFrom("1", "yes", "", "y%65s", "a=b", "yes+no", "%"), { nil: undefined }),
  )
  .map(([name, value]) => (value === undefined ? name : `${name}=${value}`));
const query = fc.oneof(
  { arbitrary: fc.constant(""), weight: 3 },
  { arbitrary: fc.array(parameter, { maxLength: 3 }).map((parts) => `?${parts.join("&")}`), weight: 2 },
  { arbitrary: fc.constantFrom("?q=1?r=2", "?q=1;r=2", "#f", "?q=1#f", "?/../b"), weight: 1 },
);
const path = fc.tuple(anyPath, fc.constantFrom(...slips), query).map(([base, slip, tail]) => slip(base) + tail);

const SPECIAL: readonly Field[] = [
  ["x-forwarded-for", "203.0.113.7"],
  ["x-forwarded-for", "198.51.100.1, 203.0.113.9"],
  ["x-forwarded-proto", "https"],
  ["x-envoy-original-path", "/forged"],
  ["x-forwarded-host", "forged.test"],
  ["x-envoy-retry-on", "5xx"],
  ["x-envoy-max-retries", "1"],
  ["x-envoy-upstream-rq-timeout-ms", "4000"],
  ["x-envoy-decorator-operation", "forged"],
  ["x-answer", "503"],
  ["x-answer", "404"],
  ["origin", "http://shop.test"],
  ["origin", "https://elsewhere.example"],
  ["access-control-request-method", "POST"],
  ["cookie", "a=b"],
  ["te", "trailers"],
];
const field: fc.Arbitrary<Field> = fc.oneof(
  { arbitrary: fc.tuple(fc.constantFrom(...HEADERS, "x-c", "x-d"), anyValue), weight: 3 },
  { arbitrary: fc.constantFrom(...SPECIAL), weight: 2 },
);

/** Envoy joins several of a name that it knows without the empty ones, and policies take several of one otherwise (declared.ts). */
const ONCE: ReadonlySet<string> = new Set(["user-agent", "te", "x-c", "x-d"]);

function once(fields: readonly Field[]): readonly Field[] {
  return fields.filter(([name], i) => !ONCE.has(name) || fields.findIndex(([other]) => other === name) === i);
}

function authority(hosts: readonly [string, ...string[]]): fc.Arbitrary<string> {
  const host = fc.constantFrom(...hosts);
  return fc.oneof(
    { arbitrary: host, weight: 5 },
    {
      arbitrary: fc
        .tuple(host, fc.constantFrom(":80", ":8080", ":81", ".", ".:80", ":"))
        .map((parts) => parts.join("")),
      weight: 2,
    },
    { arbitrary: host.map((text) => text.toUpperCase()), weight: 1 },
    { arbitrary: fc.constantFrom("unknown.test", "10.0.0.1", "wild.test"), weight: 1 },
  );
}

export const anyRequest: fc.Arbitrary<AskedRequest> = fc.constantFrom<Door>("client", "client", "edge").chain((door) =>
  fc.record({
    door: fc.constant(door),
    method: fc.oneof({ arbitrary: fc.constant("GET"), weight: 2 }, { arbitrary: anyMethod, weight: 1 }),
    authority: authority(door === "client" ? [...MESH_HOSTS] : [...EDGE_HOSTS]),
    path,
    absolute: fc.oneof({ arbitrary: fc.constant(false), weight: 3 }, { arbitrary: fc.constant(true), weight: 1 }),
    headers: fc.array(field, { maxLength: 4 }).map(once),
  }),
);
