// What an API server must take and refuse by a kind's definition: specs that break one rule, and the objects of the goldens with the reader's verdict on their shape.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeObject } from "../../src/dialect/decode.ts";
import { loadMesh } from "../../src/dialect/load.ts";
import type { JsonObject, SourceObject } from "../../src/dialect/object.ts";
import { Reporter } from "../../src/dialect/reporter.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import { REFERENCE_KINDS, type ReferenceKind } from "../../src/reference/kinds.ts";

const GOLDENS = join(import.meta.dir, "../golden/istio");
/** Types, names, enums, ranges, what is missing and what excludes each other; unknown fields are the strict validation's. */
const OF_SHAPE = /^HED11(0[1-6]|10|11|17|19|20)$/;

/** What a definition says, in CEL where it has a rule of that message, by a `spec` that breaks it: kind, the field, the message, the spec. */
export const BROKEN_RULES: readonly (readonly [kind: string, field: string, message: string, spec: JsonObject])[] = [
  ["AuthorizationPolicy", "spec", "CUSTOM needs a provider: whom to ask", { action: "CUSTOM", rules: [{}] }],
  ["AuthorizationPolicy", "spec", "provider is for action CUSTOM alone", { provider: { name: "a" }, rules: [{}] }],
  [
    "AuthorizationPolicy",
    "spec",
    "selector, targetRef, targetRefs: one of them at most",
    { selector: {}, targetRefs: [] },
  ],
  [
    "AuthorizationPolicy",
    "spec.rules[0].from[0].source",
    "serviceAccounts cannot stand beside principals or namespaces in one source",
    { rules: [{ from: [{ source: { serviceAccounts: ["a"], namespaces: ["b"] } }] }] },
  ],
  [
    "DestinationRule",
    "spec.trafficPolicy.connectionPool.tcp.connectTimeout",
    "must be a duration of at least 1ms, such as 5s",
    { host: "a", trafficPolicy: { connectionPool: { tcp: { connectTimeout: "0s" } } } },
  ],
  [
    "DestinationRule",
    "spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize",
    "Required value",
    { host: "a", trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, maglev: {} } } } },
  ],
  [
    "PeerAuthentication",
    "spec",
    "portLevelMtls needs a selector",
    { selector: { matchLabels: {} }, portLevelMtls: { 8080: { mode: "DISABLE" } } },
  ],
  [
    "RequestAuthentication",
    "spec.jwtRules[0].jwksUri",
    "must be an address of the web",
    { jwtRules: [{ issuer: "a", jwksUri: "ftp://a" }] },
  ],
  [
    "ServiceEntry",
    "spec",
    "endpoints and workloadSelector exclude each other",
    { hosts: ["a.b"], resolution: "STATIC", endpoints: [{ address: "10.0.0.1" }], workloadSelector: { labels: {} } },
  ],
  [
    "VirtualService",
    "spec.http[0].redirect.redirectCode",
    'Unsupported value: 200: supported values: "0", "301", "302", "303", "307", "308"',
    { hosts: ["a"], http: [{ redirect: { redirectCode: 200 } }] },
  ],
  ["VirtualService", "spec.http[0].fault", "has neither delay nor abort", { hosts: ["a"], http: [{ fault: {} }] }],
  [
    "VirtualService",
    "spec.http[0].match[0].uri",
    "must have at most 1 item",
    { hosts: ["a"], http: [{ match: [{ uri: { exact: "/a", prefix: "/b" } }] }] },
  ],
  ["WasmPlugin", "spec.sha256", "must be 64 hexadecimal digits", { url: "file:///a.wasm", sha256: "1234" }],
  ["WorkloadEntry", "spec", "needs an address", { labels: {} }],
  ["WorkloadEntry", "spec", "a Unix socket has no ports", { address: "unix:///a", ports: { http: 80 } }],
  [
    "WorkloadGroup",
    "spec.template",
    "a Unix socket has no ports",
    { template: { address: "unix:///a", ports: { a: 1 } } },
  ],
];

/** The reader's verdict on the shape alone. */
export function shapeErrors({ table }: ReferenceKind, object: SourceObject): readonly string[] {
  const reporter = new Reporter(object);
  decodeObject(table.schema, object, reporter);
  const errors = reporter.diagnostics.filter(({ severity }) => severity === "error");
  return errors.filter(({ code }) => OF_SHAPE.test(code)).map(({ message, path }) => `${path}: ${message}`);
}

/** API servers have camel case alone. */
function hasSnakeCase(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasSnakeCase);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, item]) => /^[a-z]+_[a-z_]+$/.test(key) || hasSnakeCase(item));
}

/** Unset, as far as an API server is concerned. */
function hasNull(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.values(value as object).some(hasNull));
}

export function kindOf({ kind, group }: SourceObject["origin"]): ReferenceKind | undefined {
  return REFERENCE_KINDS.find(({ type }) => type.kind === kind && type.group === group);
}

export interface GoldenObject {
  readonly file: string;
  readonly kind: ReferenceKind;
  readonly object: SourceObject;
  /** What is wrong with its shape; of one that is wrong for another reason alone nothing is known, and it is left out. */
  readonly wrong: readonly string[];
}

/** Those of the goldens that an API server could be given: without other spellings, and without what is unset by null. */
export function goldenObjects(): readonly GoldenObject[] {
  const files = readdirSync(GOLDENS).filter((name) => name.endsWith(".golden"));
  return files.flatMap((file) => {
    const [input = ""] = readFileSync(join(GOLDENS, file), "utf8").split("\n=== model ===\n");
    const { results } = loadMesh([{ name: file, content: input }], DEFAULT_SETTINGS);
    return results.flatMap(({ object, accepted }) => {
      const kind = kindOf(object.origin);
      if (!kind || hasSnakeCase(object.value) || hasNull(object.value)) return [];
      const wrong = accepted ? [] : shapeErrors(kind, object);
      return accepted || wrong.length > 0 ? [{ file, kind, object, wrong }] : [];
    });
  });
}
