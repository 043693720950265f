import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "../../examples/golden-signal/demo/report.ts";
import { findComponent } from "../../scripts/components.ts";
import { EXAMPLE, processesWith, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const DEMO = [process.execPath, join(EXAMPLE, "demo.ts")];
const folders: string[] = [];

/** Everything that the demo starts inherits this, so that it can be found. */
function marked(): { readonly mark: string; readonly env: NodeJS.ProcessEnv; readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "heddle-demo-test-"));
  folders.push(folder);
  // Its state folder goes under TMPDIR, and can be looked for there.
  return { mark: `TMPDIR=${folder}`, env: { ...process.env, TMPDIR: folder }, folder };
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function once(...args: string[]): Promise<{ report: Report; code: number; errors: string }> {
  const { env, mark, folder } = marked();
  const child = Bun.spawn([...DEMO, "--once", "--json", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect(processesWith(mark)).toEqual([]);
  expect(readdirSync(folder).filter((name) => name.startsWith("heddle-demo-"))).toEqual([]);
  expect({ errors, lines: output.trimEnd().split("\n").length }).toEqual({ errors: "", lines: 1 });
  return { report: JSON.parse(output) as Report, code, errors };
}

const CLIENT = "spiffe://cluster.local/ns/default/sa/client";
const SERVER = "spiffe://cluster.local/ns/default/sa/golden-signal";

function expectAllHeld({ report, code }: { readonly report: Report; readonly code: number }): void {
  const { split, latencyMs, ...rest } = report;
  expect(rest).toEqual({
    ok: true,
    requests: 2_000,
    failed: 0,
    legs: ["golden-signal-v1", "golden-signal-v2"].map((to) => ({
      from: "client",
      to,
      mtls: true,
      client: CLIENT,
      server: SERVER,
    })),
    plaintextRefused: true,
  });
  expect(Math.abs(split.v1 - 80)).toBeLessThanOrEqual(3);
  expect(split.v1 + split.v2).toBeCloseTo(100, 5);
  for (const { p50, p95, p99 } of Object.values(latencyMs)) {
    expect(p50).toBeGreaterThan(0);
    expect(p95).toBeGreaterThanOrEqual(p50);
    expect(p99).toBeGreaterThanOrEqual(p95);
  }
  expect(code).toBe(0);
}

describe("the demo's one report", () => {
  test(
    "two Heddle sidecars: 80/20 under STRICT, every leg mutual TLS, plaintext refused",
    async () => {
      expectAllHeld(await once());
    },
    LIMIT_MS,
  );

  const envoy = findComponent("envoy");
  if (!envoy && process.env.CI === "true") throw new Error("Envoy is missing");
  for (const place of ["client", "server"]) {
    test.skipIf(!envoy)(
      `Envoy beside the ${place}: the same`,
      async () => {
        process.env.HEDDLE_ENVOY = envoy;
        expectAllHeld(await once(`--${place}`, "envoy"));
      },
      LIMIT_MS,
    );
  }
});

describe("the demo leaves nothing behind", () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    test.skipIf(process.platform !== "linux")(
      `ended with ${signal} in the middle of its load`,
      async () => {
        const { env, mark } = marked();
        const child = Bun.spawn([...DEMO, "--once"], { env, stdio: ["ignore", "ignore", "ignore"] });
        // Control plane, three times sidecar with proxy and application, and the demo itself.
        await until(() => processesWith(mark).length >= 11);
        child.kill(signal);
        await child.exited;
        await until(() => processesWith(mark).length === 0);
      },
      LIMIT_MS,
    );
  }

  test.skipIf(process.platform !== "linux")(
    "when whoever started it is gone",
    async () => {
      const { env, mark } = marked();
      const shell = Bun.spawn(["sh", "-c", `${DEMO.join(" ")} --once & wait`], {
        env,
        stdio: ["ignore", "ignore", "ignore"],
      });
      await until(() => processesWith(mark).length >= 6);
      shell.kill("SIGKILL");
      await shell.exited;
      await until(() => processesWith(mark).length === 0);
    },
    LIMIT_MS,
  );
});

test("an unknown argument exits with 64 and the nearest one", async () => {
  const child = Bun.spawn([...DEMO, "--onse"], { stdio: ["ignore", "pipe", "pipe"] });
  expect(await new Response(child.stderr).text()).toBe('error: unknown argument "--onse"\n  try: --once\n');
  expect(await child.exited).toBe(64);
});
