// The control plane's own metrics after objects, writes, certificates and a discovery stream, as Prometheus reads them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { resource } from "../kube/resources.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { checkMetrics } from "../stats/promtool-fixture.ts";
import { type RunningControlPlane, startControlPlane } from "./control-plane.ts";

const promtool = findComponent("promtool");
const state = mkdtempSync(join(tmpdir(), "heddle-control-metrics-"));
let running: RunningControlPlane;

beforeAll(async () => {
  running = await startControlPlane({
    state,
    version: "1.2.3",
    host: "127.0.0.1",
    ports: { api: 0, secure: 0, metrics: 0, dashboard: 0 },
    settings: { ...DEFAULT_SETTINGS, accessLog: { kind: "off" } },
    config: undefined,
    certificateTtlMs: 3_600_000,
    dashboard: join(state, "none"),
    onCompiled() {},
  });
}, 20_000);

afterAll(async () => {
  await running?.stop();
  rmSync(state, { recursive: true, force: true });
});

async function scrape(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${running.ports.metrics}/metrics`)).text();
}

/** Sum of the metric's series that have `labels` in their text. */
function value(text: string, name: string, labels = ""): number | undefined {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const wanted = lines.filter((line) => line.includes(labels));
  return wanted.length === 0 ? undefined : wanted.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function until(what: string, condition: (text: string) => boolean): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const text = await scrape();
    if (condition(text)) return text;
    await Bun.sleep(20);
  }
  throw new Error(`not in time: ${what}`);
}

test("changes, verdicts and what the mesh has are counted", async () => {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "shop", namespace: "default" },
    spec: { ports: [{ name: "http", port: 80 }], selector: { app: "shop" } },
  };
  await running.api.create(resource.services, service as never);
  const text = await until("the service", (scraped) => value(scraped, "pilot_services") === 1);
  expect(value(text, "pilot_k8s_reg_events", 'type="Service",event="add"')).toBe(1);
  expect(value(text, "pilot_inbound_updates", 'type="svc"')).toBe(1);
  expect(value(text, "pilot_push_triggers", 'type="service"')).toBe(1);
  expect(value(text, "pilot_eds_no_instances")).toBe(1);
  expect(value(text, "galley_validation_passed", 'resource="services"')).toBe(1);
  expect(value(text, "pilot_pushcontext_init_seconds_count")).toBeGreaterThanOrEqual(2);
  expect(value(text, "pilot_total_xds_internal_errors")).toBe(0);
});

test("a write that is refused is counted by its kind", async () => {
  const wrong = {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "wrong", namespace: "default" },
    spec: { hosts: ["shop"], http: [{ route: [{ destination: { host: "shop" }, weight: -5 }] }] },
  };
  await running.api.create(resource.virtualServices, wrong as never).catch(() => {});
  const text = await scrape();
  expect(value(text, "galley_validation_failed", 'resource="virtualservices"')).toBe(1);
});

test("the authority tells when its root ends", async () => {
  const text = await scrape();
  const years = (value(text, "citadel_server_root_cert_expiry_seconds") ?? 0) / (365 * 86_400);
  expect(years).toBeGreaterThan(9.9);
  expect(years).toBeLessThan(10.1);
  const end = value(text, "citadel_server_root_cert_expiry_timestamp") ?? 0;
  expect(Math.abs(end - Date.now() / 1_000 - years * 365 * 86_400)).toBeLessThan(60);
  expect(value(text, "citadel_server_cert_chain_expiry_seconds")).toBeGreaterThan(0);
});

test.skipIf(!promtool && process.env.CI !== "true")("promtool reads it (needs promtool)", async () => {
  const { code, output } = await checkMetrics(promtool ?? "promtool", await scrape());
  expect([0, 3], output).toContain(code);
  expect(output).not.toContain("error while linting");
});
