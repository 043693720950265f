import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { relaySocket } from "../agent/relay.ts";
import { adminDump, adminOf } from "./proxy-admin.ts";

const NODE = "sidecar~10.231.0.6~web-v1-a.default~default.svc.cluster.local";
const PORT = 15_000;

const state = mkdtempSync(join(tmpdir(), "proxy-admin-"));
const stops: (() => void)[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  rmSync(state, { recursive: true, force: true });
});

/** A sidecar's folder as `heddle run` makes it. */
function sidecarFolder(name: string): string {
  const folder = join(state, "sidecars", name);
  mkdirSync(folder, { recursive: true });
  const bootstrap = {
    node: { id: NODE, metadata: { NAME: name, NAMESPACE: "default", WORKLOAD_NAME: "web-v1", LABELS: {} } },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: PORT } } },
  };
  writeFileSync(join(folder, "bootstrap.json"), JSON.stringify(bootstrap));
  return folder;
}

/** An admin interface, behind a relay's socket. */
function serveDump(unix: string, node: string): void {
  const dump = {
    configs: [{ "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", bootstrap: { node: { id: node } } }],
  };
  const server = Bun.serve({ unix, fetch: () => Response.json(dump) });
  stops.push(() => void server.stop(true));
}

describe("the admin interface of a captured program's proxy", () => {
  test("is asked by the socket that leads into its network", async () => {
    serveDump(relaySocket(sidecarFolder("web-v1-a"), PORT), NODE);
    const admin = adminOf("web-v1-a", state);
    expect(admin.address).toBe(`127.0.0.1:${PORT}`);
    expect((await adminDump(admin)).bootstrap?.node).toEqual({ id: NODE });
  });

  test("and still must be that proxy's", async () => {
    serveDump(relaySocket(sidecarFolder("web-v1-a"), PORT), "another");
    expect(adminDump(adminOf("web-v1-a", state))).rejects.toThrow(
      `another proxy answers at 127.0.0.1:${PORT}: another`,
    );
  });
});

test("a proxy in this network is asked at its address", () => {
  sidecarFolder("web-v1-a");
  expect(adminOf("web-v1-a", state)).toEqual({ address: `127.0.0.1:${PORT}`, socket: undefined, node: NODE });
});
