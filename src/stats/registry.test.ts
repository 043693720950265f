import { describe, expect, test } from "bun:test";
import { counter, gauge, histogram } from "./definition.ts";
import { expositionPieces, expositionText } from "./exposition.ts";
import { Registry } from "./registry.ts";

const REQUESTS = counter("requests_total", "Requests", ["code", "path"]);
const ACTIVE = gauge("active", "Open connections", []);
const DURATION = histogram("duration_ms", "Duration", ["code"], [1, 5, 10]);

describe("Registry", () => {
  test("gives the same series for the same label values and counts into it", () => {
    const registry = new Registry();
    const requests = registry.counter(REQUESTS);
    const series = requests.series(["200", "/"]);
    requests.increment(series);
    requests.add(registry.counter(REQUESTS).series(["200", "/"]), 2);
    expect(requests.value(series)).toBe(3);
    expect(requests.series(["500", "/"])).not.toBe(series);
  });

  test("keeps every value when its cells grow", () => {
    const requests = new Registry().counter(REQUESTS);
    const series = Array.from({ length: 1_000 }, (_, i) => requests.series([String(i), "/"]));
    series.forEach((one, i) => {
      requests.add(one, i);
    });
    series.forEach((one, i) => {
      expect(requests.value(one)).toBe(i);
    });
  });

  test("counts series beyond the limit under one overflow series and says how many", () => {
    const registry = new Registry({ maxSeries: 2 });
    const requests = registry.counter(REQUESTS);
    for (const path of ["/a", "/b", "/c", "/d"]) requests.increment(requests.series(["200", path]));
    const text = expositionText(registry, "text");
    expect(text).toContain('requests_total{code="200",path="/b"} 1\n');
    expect(text).toContain('requests_total{code="overflow",path="overflow"} 2\n');
    expect(expositionText(registry, "text")).toContain(
      'heddle_metrics_series_refused_total{metric="requests_total"} 2\n',
    );
  });

  test("starts a removed series from 0 and gives its cell to the next one", () => {
    const registry = new Registry();
    const requests = registry.counter(REQUESTS);
    const first = requests.series(["200", "/"]);
    requests.add(first, 5);
    requests.remove(first);
    expect(expositionText(registry, "text")).toBe("");
    const second = requests.series(["404", "/"]);
    expect(second).toBe(first);
    expect(requests.value(second)).toBe(0);
  });

  test("refuses a second definition of a name, and names that no scraper reads", () => {
    const registry = new Registry();
    registry.counter(REQUESTS);
    expect(() => registry.gauge(gauge("requests_total", "Other", []))).toThrow("registered twice");
    expect(() => registry.gauge(gauge("a-b", "Dash", []))).toThrow("not a metric name");
    expect(() => registry.gauge(gauge("ab", "Dash", ["c-d"]))).toThrow("not a label name");
  });
});

describe("Histogram", () => {
  test("puts a value into the first bucket whose bound is not below it", () => {
    const registry = new Registry();
    const duration = registry.histogram(DURATION);
    const series = duration.series(["200"]);
    for (const value of [0, 1, 1.01, 5, 9.99, 10, 10.01, 1e9]) duration.observe(series, value);
    expect(expositionText(registry, "text")).toBe(
      [
        "# HELP duration_ms Duration",
        "# TYPE duration_ms histogram",
        'duration_ms_bucket{code="200",le="1"} 2',
        'duration_ms_bucket{code="200",le="5"} 4',
        'duration_ms_bucket{code="200",le="10"} 6',
        'duration_ms_bucket{code="200",le="+Inf"} 8',
        `duration_ms_sum{code="200"} ${0 + 1 + 1.01 + 5 + 9.99 + 10 + 10.01 + 1e9}`,
        'duration_ms_count{code="200"} 8',
        "",
      ].join("\n"),
    );
  });

  test("ignores NaN and keeps infinity out of the finite buckets", () => {
    const duration = new Registry().histogram(DURATION);
    const series = duration.series(["200"]);
    duration.observe(series, Number.NaN);
    expect(duration.count(series)).toBe(0);
    duration.observe(series, Number.POSITIVE_INFINITY);
    expect(duration.count(series)).toBe(1);
    expect(duration.sum(series)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("exposition", () => {
  test("escapes what would break a line, and replaces control characters", () => {
    const registry = new Registry();
    const requests = registry.counter(REQUESTS);
    requests.increment(requests.series(["200", 'a"b\\c\nd\0e']));
    expect(expositionText(registry, "text")).toContain('requests_total{code="200",path="a\\"b\\\\c\\nd\ufffde"} 1\n');
  });

  test("bounds a label value that a client chose", () => {
    const registry = new Registry();
    const requests = registry.counter(REQUESTS);
    requests.increment(requests.series(["200", "x".repeat(100_000)]));
    expect(expositionText(registry, "text").length).toBeLessThan(3_000);
  });

  test("names counters as OpenMetrics wants and ends with # EOF", () => {
    const registry = new Registry();
    registry.counter(REQUESTS).series(["1", "/"]);
    const pushes = counter("xds_pushes", 'Said "so"', []);
    registry.counter(pushes).add(registry.counter(pushes).series([]), 2);
    const text = expositionText(registry, "openmetrics");
    expect(text).toContain("# TYPE requests counter\n");
    expect(text).toContain('requests_total{code="1",path="/"} 0\n');
    expect(text).toContain('# HELP xds_pushes Said \\"so\\"\n# TYPE xds_pushes unknown\nxds_pushes 2\n');
    expect(text.endsWith("# EOF\n")).toBe(true);
    expect(expositionText(registry, "text")).toContain('# HELP xds_pushes Said "so"\n# TYPE xds_pushes counter\n');
  });

  test("reads collected gauges at the time of the scrape", () => {
    const registry = new Registry();
    const active = registry.gauge(ACTIVE);
    let now = 1;
    registry.onCollect(() => active.set(active.series([]), now));
    expect(expositionText(registry, "text")).toContain("active 1\n");
    now = -2.5;
    expect(expositionText(registry, "text")).toContain("active -2.5\n");
  });

  test("comes in pieces of bounded size that join to the whole", () => {
    const registry = new Registry();
    const duration = registry.histogram(DURATION);
    for (let i = 0; i < 3_000; i++) duration.observe(duration.series([String(i)]), i);
    const pieces = [...expositionPieces(registry, "text")];
    expect(pieces.length).toBeGreaterThan(5);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(70_000);
    expect(pieces.join("").match(/^duration_ms_count/gm)?.length).toBe(3_000);
  });
});
