import { afterEach, describe, expect, test } from "bun:test";
import { configureLog } from "../base/log.ts";
import { Scraper } from "./scrape.ts";
import type { ScrapeTarget } from "./target.ts";
import { TrafficStore } from "./traffic-store.ts";

configureLog({ level: "off" });

const servers: { stop(now: boolean): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop(true);
});

function serve(answer: (request: Request) => Response | Promise<Response>): ScrapeTarget {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  servers.push(server);
  return { id: "app", namespace: "default", workload: "app", url: `http://127.0.0.1:${server.port}/stats/prometheus` };
}

function scraper(targets: readonly ScrapeTarget[], timeoutMs = 2_000): Scraper {
  return new Scraper({ targets: { list: () => targets }, store: new TrafficStore(), intervalMs: 1_000, timeoutMs });
}

describe("Scraper", () => {
  test("reads a target and says how it is", async () => {
    const one = scraper([serve(() => new Response("up 1\nother 2\n"))]);
    await one.scrapeAll();
    expect(one.status()[0]).toMatchObject({ health: "up", samples: 2, error: undefined });
  });

  test.each([
    ["a status that is not 200", () => new Response("no", { status: 503 }), "answered 503"],
    ["something that is no exposition", () => new Response("<html>"), "not an exposition: line 1"],
    ["a redirect", () => Response.redirect("http://127.0.0.1:1/"), "redirect"],
    ["too much", () => new Response("x 1\n".repeat(9 * 1024 * 1024)), "more than 32 mib"],
  ])("reports %s", async (_, answer, message) => {
    const one = scraper([serve(answer)]);
    await one.scrapeAll();
    expect(one.status()[0]?.health).toBe("down");
    expect(one.status()[0]?.error?.toLowerCase()).toContain(message);
  });

  test("gives up on a target that does not answer in time", async () => {
    const one = scraper([serve(() => new Promise<Response>(() => {}))], 50);
    await one.scrapeAll();
    expect(one.status()[0]).toMatchObject({ health: "down", lastSuccessMs: undefined });
  });

  test("never scrapes one target twice at a time", async () => {
    let running = 0;
    let most = 0;
    const target = serve(async () => {
      most = Math.max(most, ++running);
      await Bun.sleep(20);
      running--;
      return new Response("up 1\n");
    });
    const one = scraper([target]);
    await Promise.all([one.scrapeAll(), one.scrapeAll(), one.scrapeAll()]);
    expect(most).toBe(1);
  });

  test("forgets a target that is gone and comes to one that is new", async () => {
    const targets = [serve(() => new Response("up 1\n"))];
    const one = scraper(targets);
    await one.scrapeAll();
    targets[0] = { ...targets[0]!, id: "another" };
    await one.scrapeAll();
    expect(one.status().map(({ target }) => target.id)).toEqual(["another"]);
  });

  test("scrapes at once when started, and stop ends what is under way without blaming the target", async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    const one = new Scraper({
      targets: { list: () => [{ id: "app", namespace: "default", workload: "app", url: "http://127.0.0.1:1/" }] },
      store: new TrafficStore(),
      intervalMs: 1_000,
      timeoutMs: 60_000,
      fetch: (_, signal) => {
        ask();
        return new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            abort();
            reject(signal.reason);
          }),
        );
      },
    });
    one.start();
    await asked;
    one.stop();
    await aborted;
    expect(one.status()[0]?.health).toBe("new");
  });
});
