// gRPC's interop test cases (google.golang.org/grpc/interop, client and server of gRPC for Go) through two sidecars, over the leg: every
// case that the client knows and that needs no credentials of Google's. `pick_first_unary` fails without any proxy between: gRPC for Go's
// server gives none of the server ids that it asks for.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { eventually, TestMesh } from "../traffic/mesh.ts";

const interopClient = findComponent("grpc-interop-client");
const interopServer = findComponent("grpc-interop-server");
const installed = interopClient !== undefined && interopServer !== undefined;
const hasEnvoy = findComponent("envoy") !== undefined;
if (!(installed && hasEnvoy) && process.env.CI === "true")
  throw new Error("the conformance suite needs gRPC's interop programs and envoy");
const skipped = installed ? "" : " (skipped: gRPC's interop programs are not installed, which takes Go)";

const CASES = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "status_code_and_message",
  "special_status_message",
  "custom_metadata",
  "unimplemented_method",
  "unimplemented_service",
  "orca_per_rpc",
  "orca_oob",
  "rpc_soak",
  "channel_soak",
] as const;

/** The client's balancer that keeps the load reports for those cases to look at. */
const ORCA = ["--service_config_json", '{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}'];

const PAIRS: readonly (readonly [client: ProxyKind, server: ProxyKind])[] = hasEnvoy
  ? [
      ["heddle", "heddle"],
      ["envoy", "heddle"],
      ["heddle", "envoy"],
    ]
  : [["heddle", "heddle"]];

const STRICT = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: STRICT}}
`;

interface Ran {
  readonly code: number;
  readonly said: string;
}

async function run(port: number, name: string): Promise<Ran> {
  const target = ["--server_host", "127.0.0.1", "--server_port", String(port)];
  const command = [interopClient ?? "", ...target, "--test_case", name, ...(name.startsWith("orca_") ? ORCA : [])];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe", timeout: 30_000 });
  const said = await new Response(child.stderr).text();
  return { code: await child.exited, said };
}

for (const [clientProxy, serverProxy] of PAIRS) {
  describe.skipIf(!installed)(`gRPC's interop cases, ${clientProxy} → ${serverProxy}`, () => {
    let mesh: TestMesh;
    let port: number;

    beforeAll(async () => {
      mesh = await TestMesh.start();
      await mesh.apply(STRICT);
      await mesh.run({
        app: "interop",
        version: "v1",
        proxy: serverProxy,
        portName: "grpc",
        command: (own) => [interopServer ?? "", "--port", String(own)],
      });
      port = mesh.book.choose(0);
      await mesh.run({ app: "client", version: "v1", proxy: clientProxy, upstreams: [`${port}=interop:80`] });
      const { code, said } = await eventually(
        () => run(port, "empty_unary"),
        (ran) => ran.code === 0,
      );
      if (code !== 0) throw new Error(`the mesh does not carry gRPC: ${said}`);
    }, 90_000);
    afterAll(() => mesh?.stop(), 30_000);

    for (const name of CASES) {
      test(`${name}${skipped}`, async () => {
        const { code, said } = await run(port, name);
        expect({ code, said: code === 0 ? "" : said }).toEqual({ code: 0, said: "" });
      }, 40_000);
    }
  });
}
