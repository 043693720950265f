// The definitions of deploy/crds on a real API server, of the cluster that HEDDLE_CLUSTER (a kubeconfig) names: what the reader accepts
// is taken and kept whole, what it refuses for its shape is refused. Objects are created as dry runs; the definitions stay.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { decodeObject } from "../../src/dialect/decode.ts";
import { BROKEN_RULES as BROKEN_SPECS } from "../../src/dialect/istio/definition-rules-fixture.ts";
import { loadMesh } from "../../src/dialect/load.ts";
import type { JsonObject, SourceObject } from "../../src/dialect/object.ts";
import { Reporter } from "../../src/dialect/reporter.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import { REFERENCE_KINDS, type ReferenceKind } from "../../src/reference/kinds.ts";

const KUBECONFIG = process.env.HEDDLE_CLUSTER;
const KUBECTL = findComponent("kubectl") ?? "";
const ROOT = join(import.meta.dir, "../..");
const GOLDENS = join(ROOT, "test/golden/istio");
/** Types, names, enums, ranges, what is missing and what excludes each other; unknown fields are the strict validation's. */
const OF_SHAPE = /^HED11(0[1-6]|10|11|17|19|20)$/;

setDefaultTimeout(60_000);

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function kubectl(args: readonly string[], input = ""): Promise<Outcome> {
  const child = Bun.spawn([KUBECTL, ...args], {
    env: { ...process.env, KUBECONFIG },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

/** The reader's verdict on the shape alone. */
function shapeErrors({ table }: ReferenceKind, object: SourceObject): readonly string[] {
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

function inDefault({ value, origin }: SourceObject): JsonObject {
  return { ...value, metadata: { ...(value.metadata as object), name: origin.name, namespace: "default" } };
}

/** What rules in CEL say, by a `spec` that breaks one: kind, the field, the message, the spec. */
const BROKEN_RULES: readonly (readonly [kind: string, field: string, message: string, spec: object])[] = [
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
    "portLevelMtls requires selector",
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

const suite = KUBECONFIG === undefined || KUBECTL === "" ? describe.skip : describe;

suite("definitions on an API server", () => {
  beforeAll(async () => {
    const files = readdirSync(join(ROOT, "deploy/crds")).map((name) => ["-f", join(ROOT, "deploy/crds", name)]);
    const { code, err } = await kubectl(["apply", "--server-side", "--force-conflicts", ...files.flat()]);
    if (code !== 0) throw new Error(err);
    const established = ["--for=condition=Established", "crd", "--all", "--timeout=30s"];
    await kubectl(["wait", ...established]);
  });

  for (const [kind, field, message, spec] of BROKEN_RULES) {
    test(`${kind} at ${field}: ${message}`, async () => {
      const { type } = REFERENCE_KINDS.find((one) => one.type.kind === kind)!;
      const apiVersion = `${type.group}/${type.versions[0]}`;
      const object = { apiVersion, kind, metadata: { name: "broken", namespace: "default" }, spec };
      const { code, err } = await kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(object));
      const said = err.split("\n").filter((line) => line.includes(`${field}: `) && line.includes(message));
      expect([code, said.length, err]).toEqual([1, 1, err]);
    });
  }

  for (const { kind, rule, spec } of BROKEN_SPECS)
    test(`${kind} is refused as by Istio's: ${rule}`, async () => {
      const { type } = REFERENCE_KINDS.find((one) => one.type.kind === kind)!;
      const apiVersion = `${type.group}/${type.versions[0]}`;
      const object = { apiVersion, kind, metadata: { name: "broken", namespace: "default" }, spec };
      const { code, err } = await kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(object));
      expect([code, /is invalid|unknown field|Required value/.test(err)]).toEqual([1, true]);
    });

  for (const file of readdirSync(GOLDENS).filter((name) => name.endsWith(".golden"))) {
    const [input = ""] = readFileSync(join(GOLDENS, file), "utf8").split("\n=== model ===\n");
    const { results } = loadMesh([{ name: file, content: input }], DEFAULT_SETTINGS);
    for (const { object, accepted } of results) {
      const { kind, group, name } = object.origin;
      const known = REFERENCE_KINDS.find(({ type }) => type.kind === kind && type.group === group);
      if (!known || hasSnakeCase(object.value) || hasNull(object.value)) continue;
      const wrong = accepted ? [] : shapeErrors(known, object);
      const create = () =>
        kubectl(["create", "--dry-run=server", "-o", "json", "-f", "-"], JSON.stringify(inDefault(object)));

      if (accepted)
        test(`${file}: ${kind} ${name} is kept whole`, async () => {
          const { code, out, err } = await create();
          expect([code, err.replaceAll(/^Warning.*\n/gm, "")]).toEqual([0, ""]);
          expect(JSON.parse(out).spec).toEqual(JSON.parse(JSON.stringify(object.value.spec ?? null)) ?? undefined);
        });
      else if (wrong.length > 0)
        test(`${file}: ${kind} ${name} is refused (${wrong[0]})`, async () => {
          const { code, err } = await create();
          if (process.env.TEST_LOG === "debug") console.log(err);
          expect([wrong, code]).toEqual([wrong, 1]);
        });
    }
  }
});
