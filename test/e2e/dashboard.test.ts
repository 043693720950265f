// The dashboard in a real browser, on the real admin server and telemetry, over a mesh whose metrics move.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { buildDashboard } from "../../dashboard/build.ts";
import { findComponent } from "../../scripts/components.ts";
import { type Assets, readAssets } from "../../src/admin/assets.ts";
import { type AdminServer, serveAdmin } from "../../src/admin/server.ts";
import { configureLog } from "../../src/base/log.ts";
import { FakeMesh, type Flow, hostOf, type Scenario } from "./fake-mesh.ts";

const CHROMIUM = findComponent("chromium");
const BROWSER_TIMEOUT_MS = 30_000;

function split(v1: number, v2: number): Flow[] {
  return [
    { from: "client@latest", to: "golden-signal@v1", service: "golden-signal", rate: v1, latencyMs: 3 },
    { from: "client@latest", to: "golden-signal@v2", service: "golden-signal", rate: v2, latencyMs: 7 },
  ];
}

const demo: Scenario = {
  workloads: ["client@latest", "golden-signal@v1", "golden-signal@v2"],
  flows: split(160, 40),
  splits: [
    {
      host: hostOf("golden-signal"),
      by: "VirtualService default/golden-signal",
      destinations: [
        { host: hostOf("golden-signal"), version: "v1", weight: 80 },
        { host: hostOf("golden-signal"), version: "v2", weight: 20 },
      ],
    },
  ],
};

let browser: Browser;
let assets: Assets | undefined;
const cleanups: (() => unknown)[] = [];

/** A mesh with half a minute behind it, living ten times as fast as we do, a second at a time. */
async function mesh(scenario: Scenario): Promise<FakeMesh> {
  const start = Date.now();
  const fake = new FakeMesh(scenario, start - 30_000);
  await fake.advance(start);
  let now = start;
  const clock = setInterval(() => {
    now += 1_000;
    void fake.advance(now);
  }, 100);
  cleanups.push(() => {
    clearInterval(clock);
    fake.stop();
  });
  return fake;
}

function serve(fake: FakeMesh, port = 0): AdminServer {
  const server = serveAdmin({ sources: fake.sources(), assets, port });
  cleanups.push(() => server.stop());
  return server;
}

/** A page that must not log an error, break the content policy, or ask any other host. */
async function open(url: string, options: BrowserContextOptions = {}): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 }, ...options });
  cleanups.push(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(BROWSER_TIMEOUT_MS / 2);
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) faults.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults };
}

describe.skipIf(!CHROMIUM && process.env.CI !== "true")("dashboard (needs chromium)", () => {
  beforeAll(async () => {
    configureLog({ level: "off" });
    assets = readAssets(await buildDashboard());
    browser = await chromium.launch({
      executablePath: CHROMIUM ?? "chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  }, 2 * BROWSER_TIMEOUT_MS);

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  afterAll(async () => {
    await browser?.close();
    configureLog({ level: "info" });
  });

  test(
    "shows who calls whom, the split against the configuration, and the golden signals, and follows a change",
    async () => {
      const fake = await mesh(demo);
      const { page, faults } = await open(serve(fake).url);
      await page
        .getByRole("button", { name: /^client to golden-signal-v1: .* req\/s · 100 %, mutual TLS, healthy$/ })
        .waitFor();
      await page.getByRole("button", { name: /^client to golden-signal-v2: .*mutual TLS/ }).waitFor();
      await page.getByRole("img", { name: "Configured: v1 80 %, v2 20 %" }).waitFor();
      await page.getByText("by VirtualService default/golden-signal").waitFor();
      await page.getByRole("img", { name: /^Traffic over time, latest: v1 \d+\/s, v2 \d+\/s$/ }).waitFor();
      await page
        .getByRole("img", { name: /^Latency over time, latest: p50 [\d.]+ ms, p95 [\d.]+ ms, p99 [\d.]+ ms$/ })
        .waitFor();
      expect(await page.getByRole("table").last().getByRole("row").count()).toBe(4);

      fake.set({ flows: split(100, 100) });
      await page.getByRole("img", { name: /^Measured: v1 [45]\d[\d.]* %, v2 [45]\d/ }).waitFor();
      expect(faults).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    "says that the control plane is gone, keeps the last state, and comes back by itself",
    async () => {
      const fake = await mesh(demo);
      const first = serve(fake);
      const { page } = await open(first.url);
      await page.getByLabel("Connection: live").waitFor();
      await first.stop();
      await page.getByRole("alert").getByText("Control plane unreachable").waitFor();
      await page.getByLabel("Connection: disconnected").waitFor();
      expect(await page.getByRole("button", { name: /client to golden-signal-v1/ }).count()).toBe(1);
      serve(fake, first.port);
      await page.getByLabel("Connection: live").waitFor();
      expect(await page.getByRole("alert").count()).toBe(0);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    "says what to do when nobody is in the mesh",
    async () => {
      const fake = await mesh({ workloads: [], flows: [], splits: [] });
      const { page, faults } = await open(serve(fake).url);
      await page.getByText("Nobody is in the mesh yet").waitFor();
      await page.getByText("No service is known yet").waitFor();
      await page.getByText("No proxy has registered").waitFor();
      expect(faults).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    "is usable with the keyboard: an edge opens its identities and outcomes, Escape closes them",
    async () => {
      const { page } = await open(serve(await mesh(demo)).url);
      const edge = page.getByRole("button", { name: /^client to golden-signal-v1/ });
      await edge.waitFor();
      const focused = () => page.locator(":focus").textContent();
      await page.keyboard.press("Tab");
      expect(await focused()).toBe("Skip to content");
      for (
        let i = 0;
        i < 20 && (await page.locator(":focus").getAttribute("class"))?.startsWith("edge") !== true;
        i++
      ) {
        await page.keyboard.press("Tab");
      }
      await page.keyboard.press("Enter");
      await page.getByText("spiffe://cluster.local/ns/default/sa/golden-signal", { exact: true }).waitFor();
      expect(await edge.getAttribute("aria-pressed")).toBe("true");
      await page.keyboard.press("Escape");
      await page.getByText("Select a workload or an edge").waitFor();
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    "puts proxies with a problem first, and names failures, plaintext and missing endpoints",
    async () => {
      const since = Date.now() - 90_000;
      const fake = await mesh({
        workloads: ["client@latest", "golden-signal@v1", "payments@v1"],
        flows: [
          { from: "client@latest", to: "golden-signal@v1", service: "golden-signal", rate: 50, failing: 0.3 },
          { from: undefined, to: "golden-signal@v1", service: "golden-signal", rate: 5 },
          { from: "client@latest", to: undefined, service: "invoices", rate: 5 },
          { from: "client@latest", to: undefined, service: "golden-signal", rate: 5 },
        ],
        splits: [],
        proxies: {
          "payments@v1": {
            kind: "envoy",
            proxyVersion: "1.40.0",
            config: { state: "rejected", since, type: "RouteConfiguration", message: "regex is not RE2" },
          },
        },
      });
      const { page, faults } = await open(serve(fake).url);
      const rows = page.getByRole("region", { name: "Proxies" }).getByRole("row");
      await rows.nth(1).getByText("rejected").waitFor();
      await rows.nth(2).getByText("RouteConfiguration: regex is not RE2").waitFor();
      await page.getByRole("img", { name: /^Errors over time, latest: v1 .*, unreached [45]/ }).waitFor();
      await page.getByRole("button", { name: /client to golden-signal-v1: .*, mutual TLS, failing/ }).waitFor();
      await page.getByRole("button", { name: /to golden-signal-v1: .*, plaintext, healthy/ }).waitFor();
      await page
        .getByRole("button", { name: /client to invoices: .*· 0 %, mutual TLS not reported, failing/ })
        .press("Enter");
      await page.getByText("UH: no healthy endpoint").waitFor();
      await page.getByRole("button", { name: "Table", exact: true }).click();
      expect(await page.getByRole("table", { name: "Who calls whom" }).getByRole("row").count()).toBe(5);
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
      expect(faults).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    "fits 1440×900 and 800×600 in light and dark without scrolling sideways, with readable contrast",
    async () => {
      const { page, faults } = await open(serve(await mesh(demo)).url);
      await page.getByRole("img", { name: /^Traffic over time, latest: v1/ }).waitFor();
      const probe = await Bun.file(join(import.meta.dir, "low-contrast.js")).text();
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.locator(`html[data-theme=${colorScheme}]`).waitFor();
        expect(await page.evaluate(probe)).toEqual([]);
      }
      for (const [width, height] of [
        [1_440, 900],
        [800, 600],
      ] as const) {
        await page.setViewportSize({ width, height });
        expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(width);
        const cut =
          "[...document.querySelectorAll('.scroll')].filter((part) => part.scrollWidth > part.clientWidth).length";
        expect(await page.evaluate<number>(cut)).toBe(0);
      }
      expect(faults).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    "remembers the theme that was chosen",
    async () => {
      const { page } = await open(serve(await mesh(demo)).url, { colorScheme: "light" });
      await page.getByLabel("Theme").selectOption("dark");
      await page.reload();
      await page.getByLabel("Connection: live").waitFor();
      expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
    },
    BROWSER_TIMEOUT_MS,
  );
});
