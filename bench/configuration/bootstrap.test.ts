// What the peers of a case run is equal but for what it compares, and Envoy takes it as it is.

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { makeCertificates } from "../identity.ts";
import { discoveredBootstrap } from "./discovered.ts";
import { hopBootstrap } from "./hop.ts";
import { clientBootstrap, serverBootstrap, tcpClientBootstrap, tcpServerBootstrap } from "./mesh.ts";
import type { Message } from "./parts.ts";

const PORTS = { listen: 10_001, admin: 10_002, next: 10_003 } as const;

/** A tenth of a second on a machine that has nothing else to do, and a second on one that has. */
function validate(envoy: string, message: Message): string {
  const { exitCode, stderr } = Bun.spawnSync(
    [
      envoy,
      "--mode",
      "validate",
      "--disable-hot-restart",
      "--log-level",
      "error",
      "--config-yaml",
      JSON.stringify(message),
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  return exitCode === 0 ? "accepted" : stderr.toString();
}

const envoy = findComponent("envoy");
const openssl = findComponent("openssl");
if (process.env.CI === "true" && !(envoy && openssl))
  throw new Error("envoy and openssl must be installed with CI=true");

test.skipIf(!envoy || !openssl)(
  "Envoy accepts the bootstrap of every case (needs envoy and openssl)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-bench-test-"));
    try {
      makeCertificates(openssl!, folder);
      const files = { accessLog: join(folder, "access.log"), certificates: folder };
      const messages = [
        hopBootstrap({ ...PORTS, backend: PORTS.next }, files.accessLog, "envoy"),
        clientBootstrap(PORTS, files, "envoy", "h2"),
        clientBootstrap(PORTS, files, "envoy", "http/1.1"),
        serverBootstrap(PORTS, files, "envoy", "http/1.1"),
        serverBootstrap(PORTS, files, "envoy", "h2"),
        discoveredBootstrap(
          { ...PORTS, probe: 10_004, backend: PORTS.next, discovery: 10_005 },
          files.accessLog,
          "envoy",
        ),
        tcpClientBootstrap(PORTS, files),
        tcpServerBootstrap(PORTS, files),
      ];
      expect(messages.map((message) => validate(envoy!, message))).toEqual(messages.map(() => "accepted"));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);

test("the peers of the mesh differ in the protocol on the leg and nothing else", () => {
  const files = { accessLog: "/log", certificates: "/certificates" };
  const text = (protocol: "h2" | "http/1.1") => JSON.stringify(clientBootstrap(PORTS, files, "envoy", protocol));
  const options = '"explicit_http_config":{"http2_protocol_options":{"allow_connect":true}}';
  const other = '"explicit_http_config":{"http_protocol_options":{"enable_trailers":true}}';
  expect(text("h2").replace(options, other)).toBe(text("http/1.1"));
  expect(text("h2")).not.toBe(text("http/1.1"));
});

test("the programs differ in the tracer, without which Envoy makes no trace context, and nothing else", () => {
  const text = (program: "heddle" | "envoy") =>
    JSON.stringify(hopBootstrap({ ...PORTS, backend: PORTS.next }, "/log", program));
  const provider = /,"provider":\{"name":"envoy.tracers.opentelemetry".*?"service_name":"bench"\}\}/;
  expect(text("envoy")).toMatch(provider);
  expect(text("envoy").replace(provider, "")).toBe(text("heddle"));
});
