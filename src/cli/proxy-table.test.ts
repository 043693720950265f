import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { testRoot } from "../pki/certificate-fixtures.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { outputText } from "./compile-output.ts";
import type { TargetOptions } from "./compile-target.ts";
import { listenerTable } from "./listener-table.ts";
import { compileOffline } from "./offline-compilation.ts";
import { type Json, type ProxyDump, readDump } from "./proxy-dump.ts";
import { comparedRoots } from "./proxy-roots.ts";
import {
  assignmentTable,
  clusterTable,
  extensionTable,
  type ProxyTable,
  routeTable,
  secretTable,
} from "./proxy-table.ts";

const FOLDER = join(import.meta.dir, "../../test/golden/compile-output");

function dumpOf(golden: string, options: TargetOptions): ProxyDump {
  const [content = ""] = readFileSync(join(FOLDER, golden), "utf8").split("=== {");
  const { objects } = objectsOfFiles([{ name: "mesh.yaml", content }], "default");
  const result = compileOffline(objects, options, DEFAULT_SETTINGS);
  if (result.kind === "rejected") throw new Error("rejected");
  return readDump(outputText(result.compilation, { output: "json" }), "test");
}

const cellsOf = ({ rows }: ProxyTable) => rows.map(({ cells }) => cells);

const WORKLOAD = dumpOf("workload.golden", { workload: "shop/web", proxy: "envoy" });
const GATEWAY = dumpOf("gateway.golden", { gateway: "public", proxy: "envoy" });

describe("tables of what was compiled", () => {
  test("clusters have their parts and their DestinationRule", () => {
    const cells = cellsOf(clusterTable(WORKLOAD));
    expect(cells).toContainEqual(["web.shop.svc.cluster.local", "80", "-", "outbound", "EDS", "web.shop"]);
    expect(cells).toContainEqual(["-", "8080", "-", "inbound", "STATIC", ""]);
    expect(cells).toContainEqual(["BlackHoleCluster", "-", "-", "-", "STATIC", ""]);
  });

  test("routes have virtual hosts of their own resources", () => {
    expect(cellsOf(routeTable(GATEWAY))).toContainEqual([
      "https.443.https.public.edge",
      "https.443.https.public.edge/shop.test:443",
      "shop.test",
      "/*",
      "shop.edge",
    ]);
  });

  test("listeners tell what chains take, by match or by matcher", () => {
    expect(cellsOf(listenerTable(GATEWAY))).toEqual([
      ["0.0.0.0", "443", "SNI: shop.test; Trans: tls", "Route: https.443.https.public.edge"],
    ]);
    const inbound = cellsOf(listenerTable(WORKLOAD)).filter(([, port]) => port === "15008");
    expect(inbound.length).toBeGreaterThan(0);
    expect(inbound.every(([, , match]) => match!.startsWith("Chain: "))).toBe(true);
  });

  test("endpoints are those of clusters, by the cluster's name", () => {
    const own = cellsOf(assignmentTable(WORKLOAD)).filter(([, , , cluster]) => cluster === "inbound|8080||");
    expect(own).toEqual([["127.0.0.1:8080", "HEALTHY", "-", "inbound|8080||"]]);
  });

  test("certificates have their dates, and are valid between them", () => {
    const [first] = cellsOf(secretTable(GATEWAY, Date.parse("2030-01-01T00:00:00Z")));
    expect(first!.slice(0, 4)).toEqual(["kubernetes://shop", "Cert Chain", "ACTIVE", "true"]);
    expect(first!.slice(5)).toEqual(["2126-11-04T07:51:01Z", "2026-11-28T07:51:01Z"]);
    expect(cellsOf(secretTable(GATEWAY, Date.parse("2020-01-01T00:00:00Z")))[0]![3]).toBe("false");
  });
});

/** As `openssl x509 -req` writes it without extensions. */
const VERSION_1 = `-----BEGIN CERTIFICATE-----
MIIBHzCBxQIUK6Lkrr4aChutCXMswwqdM1pd8c4wCgYIKoZIzj0EAwIwETEPMA0G
A1UEAwwGY2xpZW50MCAXDTI2MTEyODE1MDU1N1oYDzIxMjYxMTA0MTUwNTU3WjAR
MQ8wDQYDVQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARxv2tL
QL+fKqGhYjhSzZHZah+imy5TcIxhk4c81WK6R82cwd45T7qqBZnj/S8a4e03y/an
lhOmrOS/YTTVTXECMAoGCCqGSM49BAMCA0kAMEYCIQDQ66jGeHE/2jDxXthx+xYu
JunTFPH0DzYARi3McGkcLgIhAPcI3HKP2aMw2FdrgdCodMAl4zRwa13H9xyOReqG
c2re
-----END CERTIFICATE-----`;

test("a certificate of version 1 has its dates, too; what is none has none", () => {
  const secret = (text: string): Json => ({
    name: "outside",
    state: "ACTIVE",
    secret: { tls_certificate: { certificate_chain: { inline_string: text } } },
  });
  const dump = { ...WORKLOAD, secrets: [secret(VERSION_1), secret("no PEM")] };
  const [first, second] = cellsOf(secretTable(dump, Date.parse("2030-01-01T00:00:00Z")));
  expect(first!.slice(2, 5)).toEqual(["ACTIVE", "true", "2ba2e4aebe1a0a1bad09732cc30a9d335a5df1ce"]);
  expect(second!.slice(3)).toEqual(["false", "", "", ""]);
});

test("what is no dump is refused", () => {
  expect(() => readDump("{}", "x.json")).toThrow("x.json is no configuration of a proxy");
  expect(() => readDump("[", "x.json")).toThrow("x.json is not JSON");
});

test("filters that came by themselves have a table", () => {
  const dump = readDump(
    JSON.stringify({
      configs: [
        {
          "@type": "type.googleapis.com/envoy.admin.v3.EcdsConfigDump",
          ecds_filters: [
            {
              version_info: "1",
              ecds_filter: {
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                name: "shop.headers",
                typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm" },
              },
            },
          ],
        },
      ],
    }),
    "test",
  );
  expect(extensionTable(dump)).toMatchObject({
    columns: ["ecds name", "type"],
    rows: [{ cells: ["shop.headers", "envoy.extensions.filters.http.wasm.v3.Wasm"] }],
  });
});

describe("what two proxies trust", () => {
  const trusting = (...pems: readonly string[]): ProxyDump =>
    readDump(
      JSON.stringify({
        configs: [
          {
            "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
            dynamic_active_secrets: [
              {
                name: "ROOTCA",
                secret: { name: "ROOTCA", validation_context: { trusted_ca: { inline_string: pems.join("\n") } } },
              },
            ],
          },
        ],
      }),
      "test",
    );

  test("is the same, has something in common, or is not", () => {
    const [one, two] = [testRoot(Date.now()).pem, testRoot(Date.now()).pem];
    expect(comparedRoots("a", "b", [trusting(one, two), trusting(two, one)])).toContain("trust the same authorities");
    expect(comparedRoots("a", "b", [trusting(one), trusting(two, one)])).toContain("1 of 2 authorities in common");
    expect(() => comparedRoots("a", "b", [trusting(one), trusting(two)])).toThrow("trust different authorities");
  });

  test("is not known of a dump without it", () => {
    const none = readDump(JSON.stringify({ configs: [] }), "test");
    expect(() => comparedRoots("a", "b", [none, none])).toThrow("a does not tell what it trusts");
  });
});
