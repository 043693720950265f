// Of an object with wrong fields, what holds whatever they were meant to say is told in the same pass, and nothing that only follows from them.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { check } from "./dialects.ts";
import { sourceObject } from "./object.ts";
import { anyObject } from "./object-fixture.ts";

/** Code and path of each finding. */
function found(kind: string, spec: object, apiVersion = "networking.istio.io/v1"): readonly string[] {
  const read = sourceObject({ apiVersion, kind, metadata: { name: "a", namespace: "ns" }, spec });
  if (read.kind !== "object") throw new Error("no object");
  return check(read.object, DEFAULT_SETTINGS).map(({ code, path }) => `${code} ${path}`);
}

const ROUTE = [{ destination: { host: "web" } }];
const WRONG_RETRY = { route: ROUTE, retries: { attempts: 1, retryOn: "sometimes" } };

test("a wrong field hides nothing of the others: beside it, and in another route", () => {
  const told = "HED1208 spec.http[1].retries.retryOn";
  const spoilt: readonly (readonly [object, string])[] = [
    [{ hosts: "web" }, "HED1102 spec.hosts"],
    [{ hosts: ["web", "-a"] }, "HED1112 spec.hosts[1]"],
    [{ hosts: ["web"], gateways: [5] }, "HED1102 spec.gateways[0]"],
    [{ hosts: ["web"], what: 1 }, "HED1101 spec.what"],
    [{ hosts: ["web"], host: ["b"] }, "HED1101 spec.host"],
  ];
  for (const [fields, own] of spoilt)
    expect(found("VirtualService", { ...fields, http: [{ route: ROUTE }, WRONG_RETRY] })).toEqual([own, told]);
  for (const [fields, own] of [
    [{ timeout: 5 }, "HED1102 spec.http[0].timeout"],
    [{ route: [{ destination: { host: 5 } }] }, "HED1102 spec.http[0].route[0].destination.host"],
    [{ match: [{ method: "GET" }] }, "HED1102 spec.http[0].match[0].method"],
  ] as const)
    expect(found("VirtualService", { hosts: ["web"], http: [{ route: ROUTE, ...fields }, WRONG_RETRY] })).toEqual([
      own,
      told,
    ]);
});

test("what follows from the wrong field is not told", () => {
  const alone: readonly (readonly [string, object])[] = [
    // No hosts: a delegate, which has no gateways.
    ["HED1102", { hosts: 5, gateways: ["edge"], http: [{ route: ROUTE }] }],
    ["HED1101", { domains: ["web"], gateways: ["edge"], http: [{ route: ROUTE }] }],
    // No action.
    ["HED1102", { hosts: ["web"], http: [{ redirect: "/a" }] }],
    ["HED1101", { hosts: ["web"], http: [{ goes: "/a" }] }],
    ["HED1102", { hosts: ["web"], http: 5 }],
    // No attempts: 0, with which other fields have no effect.
    ["HED1102", { hosts: ["web"], http: [{ route: ROUTE, retries: { attempts: "two", perTryTimeout: "1s" } }] }],
    ["HED1101", { hosts: ["web"], http: [{ route: ROUTE, retries: { tries: 2, perTryTimeout: "1s" } }] }],
    // Shares that do not add up.
    [
      "HED1102",
      {
        hosts: ["web"],
        http: [
          {
            route: [
              { destination: { host: "a" }, weight: 50 },
              { destination: { host: "b" }, weight: "half" },
            ],
          },
        ],
      },
    ],
  ];
  for (const [code, spec] of alone) {
    const codes = found("VirtualService", spec).map((finding) => finding.split(" ")[0]);
    expect([spec, codes]).toEqual([spec, [code]]);
  }
});

test("a misspelt field is read as the one it is near to", () => {
  const spec = { hosts: ["web"], http: [{ route: ROUTE, retrie: { attempts: 1, retryOn: "sometimes" } }] };
  expect(found("VirtualService", spec)).toEqual([
    "HED1101 spec.http[0].retrie",
    "HED1208 spec.http[0].retries.retryOn",
  ]);
});

test("of two fields that exclude each other neither is taken for the one that was meant", () => {
  const spec = {
    host: "web",
    trafficPolicy: {
      loadBalancer: { simple: "RANDOM", consistentHash: { useSourceIp: true, maglev: { tableSize: 4 } } },
    },
    subsets: [{ name: "v1" }, { name: "v1" }],
  };
  const codes = found("DestinationRule", spec);
  expect(codes.filter((finding) => finding.includes("subsets")).length).toBeGreaterThan(0);
  expect(codes.filter((finding) => finding.includes("maglev"))).toEqual([]);
});

test("security: a policy's rules are judged though its selector is wrong", () => {
  const spec = { selector: { matchLabels: { app: 5 } }, rules: [{ from: [{ source: {} }] }] };
  expect(found("AuthorizationPolicy", spec, "security.istio.io/v1")).toEqual([
    "HED1102 spec.selector.matchLabels.app",
    "HED1266 spec.rules[0].from[0].source",
  ]);
});

test("a large object is told what is wrong with its fields alone", () => {
  const http = Array.from({ length: 2_000 }, () => ({ route: ROUTE }));
  expect(found("VirtualService", { hosts: 5, http: [...http, WRONG_RETRY] })).toEqual(["HED1102 spec.hosts"]);
  expect(found("VirtualService", { hosts: 5, http: [...http.slice(0, 500), WRONG_RETRY] })).toEqual([
    "HED1102 spec.hosts",
    "HED1208 spec.http[500].retries.retryOn",
  ]);
});

/** Copies of a value in which one field each is an object, which none of them is, or has a name that no field has. */
function spoil(value: unknown, spoilt: (changed: unknown) => void): void {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) spoil(item, (changed) => spoilt(value.with(i, changed)));
    return;
  }
  if (typeof value !== "object" || value === null) {
    spoilt({ "no field": value });
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    spoil(item, (changed) => spoilt({ ...value, [key]: changed }));
    const { [key]: _, ...others } = value as Readonly<Record<string, unknown>>;
    spoilt({ ...others, nobodyKnows: item });
  }
}

/** What the fields by themselves have: they are unknown, of another type, missing, or no keys. */
const OF_FIELDS = new Set(["HED1101", "HED1102", "HED1105"]);

test("with any field spoilt, a sound object has no errors but that field's", () => {
  let tried = 0;
  fc.assert(
    fc.property(anyObject("right"), (made) => {
      const { spec, ...envelope } = made as { readonly spec?: unknown };
      const soundly = sourceObject(made);
      if (soundly.kind !== "object" || spec === undefined) return;
      const sound = new Set(check(soundly.object, DEFAULT_SETTINGS).map(({ code, path }) => `${code} ${path}`));
      spoil(spec, (changed) => {
        const read = sourceObject({ ...envelope, spec: changed });
        if (read.kind !== "object") return;
        const errors = check(read.object, DEFAULT_SETTINGS).filter(({ severity }) => severity === "error");
        if (!errors.some(({ code }) => OF_FIELDS.has(code))) return; // a table that is open, or a map
        tried++;
        const others = errors.filter(({ code, path }) => !OF_FIELDS.has(code) && !sound.has(`${code} ${path}`));
        expect(others.map(({ code, path, message }) => `${code} ${path} ${message}`)).toEqual([]);
      });
    }),
    { numRuns: Number(process.env.FUZZ_FACTOR ?? 1) * 100 },
  );
  expect(tried).toBeGreaterThan(300);
});
