// AuthorizationPolicies: who may do what, by everything that a policy can ask about a request.

import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";

type Values = readonly [string, ...string[]];

function oneOrTwo(values: Values): fc.Arbitrary<string[]> {
  return fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
}

function fields(names: Readonly<Record<string, Values>>): fc.Arbitrary<JsonObject> {
  const all = Object.entries(names).flatMap(([name, values]) => {
    const not = `not${name[0]!.toUpperCase()}${name.slice(1)}`;
    return [fc.tuple(fc.constant(name), oneOrTwo(values)), fc.tuple(fc.constant(not), oneOrTwo(values))];
  });
  return fc
    .uniqueArray(fc.oneof(...all), { minLength: 1, maxLength: 2, selector: ([name]) => name })
    .map((pairs) => Object.fromEntries(pairs));
}

/** Of those whom x-forwarded-for names: a gateway of Envoy writes the machine's address into it where Heddle's writes loopback's. */
const REMOTE: Values = ["203.0.113.7", "203.0.113.0/24", "198.51.100.1"];

/** All of them have the address that a mesh knows and the one that the laboratory gives, or neither. */
const ADDRESSES: Values = ["0.0.0.0/0", "203.0.113.0/24", "198.51.100.1"];

const source = fields({
  principals: ["cluster.local/ns/default/sa/client", "cluster.local/ns/default/sa/other", "*/sa/client", "*"],
  namespaces: ["default", "other", "def*"],
  ipBlocks: ADDRESSES,
  remoteIpBlocks: REMOTE,
});

const operation = fields({
  hosts: ["golden", "golden:*", "golden.default*", "GOLDEN", "*.test", "shop.test"],
  ports: ["8080", "80"],
  methods: ["GET", "POST", "P*", "*"],
  paths: ["/a", "/a*", "*/b", "/a/{*}", "/a/{**}", "/{*}/b", "/A*", "*", "/a;b", "/a%2Fb"],
});

/** Headers that come once: of a repeated one every value must be allowed, and for Envoy any (docs/security.md). */
const CONDITIONS: readonly (readonly [key: string, values: Values])[] = [
  ["request.headers[x-c]", ["1", "yes", "y*", "*s", "*"]],
  ["request.headers[X-D]", ["yes, no", "no", "*"]],
  ["request.headers[user-agent]", ["yes", "*"]],
  ["source.ip", ADDRESSES],
  ["remote.ip", REMOTE],
  ["source.namespace", ["default", "other"]],
  ["source.principal", ["cluster.local/ns/default/sa/client", "*"]],
  ["source.serviceAccount", ["default/client", "client", "default/other"]],
  ["destination.ip", ADDRESSES],
  ["destination.port", ["8080", "80"]],
  ["connection.sni", ["outbound_.80_._.golden.default.svc.cluster.local", "*golden*", "outbound_*", "*"]],
  ["request.auth.principal", ["*", "issuer/subject"]],
];

const condition: fc.Arbitrary<JsonObject> = fc
  .constantFrom(...CONDITIONS)
  .chain(([key, values]) =>
    fc.tuple(fc.constantFrom("values", "notValues"), oneOrTwo(values)).map(([field, some]) => ({ key, [field]: some })),
  );

const rule: fc.Arbitrary<JsonObject> = fc.record(
  {
    from: fc.array(
      source.map((one) => ({ source: one })),
      { minLength: 1, maxLength: 2 },
    ),
    to: fc.array(
      operation.map((one) => ({ operation: one })),
      { minLength: 1, maxLength: 2 },
    ),
    when: fc.array(condition, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;

const policy: fc.Arbitrary<JsonObject> = fc.record({
  action: fc.constantFrom("ALLOW", "ALLOW", "DENY", "DENY", "AUDIT"),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
});

/** Of the service behind the mesh's leg. */
export const policies: fc.Arbitrary<readonly JsonObject[]> = fc.array(policy, { maxLength: 2 }).map((specs) =>
  specs.map((spec, i) => ({
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: `policy-${i}`, namespace: "default" },
    spec: { selector: { matchLabels: { app: "golden" } }, ...spec },
  })),
);
