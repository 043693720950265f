// What the mesh's settings say of the start of proxies, on both: ports, statistics, runtime, and roots of trust domains, by which the two
// then know each other.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { testRoot } from "../../src/pki/certificate-fixtures.ts";
import { Heddle, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();
const hasEnvoy = findComponent("envoy") !== undefined;
if (process.env.CI === "true" && !hasEnvoy) throw new Error("tests of the start of proxies need envoy");

/** Of nobody at the moment. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

const ADMIN = { heddle: freePort(), envoy: freePort() };
const UPSTREAM = { heddle: freePort(), envoy: freePort() };
const HTTP_PROXY = freePort();
const KINDS = ["heddle", "envoy"] as const;

const SETTINGS = `
proxyHttpPort: ${HTTP_PROXY}
caCertificates:
- trustDomains: [far.example]
  pem: |
${testRoot(Date.now(), { uris: [] })
  .pem.trimEnd()
  .split("\n")
  .map((line) => `    ${line}`)
  .join("\n")}
defaultConfig:
  proxyAdminPort: ${ADMIN.heddle}
  proxyStatsMatcher: {inclusionPrefixes: [cluster.outbound]}
  runtimeValues: {tracing.zipkin.min_flush_spans: "1"}
`;

const STRICT = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: heddle-system}
spec: {mtls: {mode: STRICT}}
`;

describe.skipIf(!hasEnvoy)("proxies that start as the mesh's settings say", () => {
  beforeAll(async () => {
    const file = join(heddle.folder, "mesh.yaml");
    writeFileSync(file, SETTINGS);
    await heddle.up(["--mesh-config", file]);
    expect(await heddle.call(["apply", "-f", "-"], { stdin: STRICT })).toMatchObject({ code: 0 });
    for (const kind of KINDS) {
      const program = join(heddle.folder, `${kind}.ts`);
      writeFileSync(
        program,
        `Bun.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT), fetch: ({ url }) => new Response(url.endsWith("/proxy") ? process.env.http_proxy : "${kind}") });`,
      );
      const other = kind === "heddle" ? "envoy" : "heddle";
      const ports = ["mesh", "inbound", "status"].flatMap((name) => [`--${name}-port`, "0"]);
      // Heddle's proxy is where the settings say, Envoy where the command does.
      const admin = kind === "heddle" ? [] : ["--admin-port", String(ADMIN.envoy), "--forward-proxy-port", "0"];
      const own = ["--proxy", kind, "--port", String(freePort()), "--upstream", `${UPSTREAM[kind]}=${other}:80`];
      heddle.start(["run", "--name", kind, ...ports, ...admin, ...own, "--", process.execPath, program]);
    }
    for (const kind of KINDS) await until(() => answered(kind));
  }, LIMIT_MS);
  afterAll(async () => {
    await heddle.close();
    expect(heddle.leftovers()).toEqual([]);
  }, LIMIT_MS);

  /** By the service that the program of this proxy calls. */
  async function answered(kind: (typeof KINDS)[number]): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${UPSTREAM[kind]}/`).catch(() => undefined);
    return response?.status === 200 && (await response.text()) === (kind === "heddle" ? "envoy" : "heddle");
  }

  const asked = async (kind: (typeof KINDS)[number], path: string) =>
    (await fetch(`http://127.0.0.1:${ADMIN[kind]}${path}`)).text();

  test("know each other by the roots of their own trust domain, on both sides", async () => {
    for (const kind of KINDS) {
      expect(await answered(kind)).toBe(true);
      const dump = JSON.parse(await asked(kind, "/config_dump"));
      expect(JSON.stringify(dump)).toContain("validation_context_sds_secret_config");
    }
    expect(await asked("envoy", "/config_dump")).toContain("envoy.tls.cert_validator.spiffe");
    const certificates = await asked("heddle", "/certs");
    expect(certificates).toContain("spiffe://cluster.local/ns/default/sa/heddle");
  });

  test("have the HTTP proxy of their program where the settings say, and tell it the program", async () => {
    const told = await fetch(`http://127.0.0.1:${UPSTREAM.envoy}/proxy`);
    expect(await told.text()).toBe(`http://127.0.0.1:${HTTP_PROXY}`);
    const through = await fetch("http://envoy/", { proxy: `http://127.0.0.1:${HTTP_PROXY}` });
    expect(await through.text()).toBe("envoy");
  });

  test("tell what was asked for of their statistics, and what is always told", async () => {
    for (const kind of KINDS) {
      const names = (await asked(kind, "/stats")).split("\n").map((line) => line.slice(0, line.lastIndexOf(": ")));
      expect(names.some((name) => name.startsWith("cluster.outbound|80|"))).toBe(true);
      expect(names.some((name) => name.startsWith("server."))).toBe(true);
      expect(names.filter((name) => name.startsWith("http.") && !/downstream_cx_active$|rbac/.test(name))).toEqual([]);
    }
  });

  test("have the runtime that was said", async () => {
    for (const kind of KINDS) expect(await asked(kind, "/config_dump")).toContain("tracing.zipkin.min_flush_spans");
  });
});
