import { describe, expect, test } from "bun:test";
import { type ExpositionPart, mergeExpositions } from "./merge.ts";

const agent: ExpositionPart = { source: "agent", format: "text", text: "# HELP up Is up\n# TYPE up gauge\nup 1\n" };
const proxy: ExpositionPart = {
  source: "proxy",
  format: "text",
  text: '# TYPE istio_requests_total counter\nistio_requests_total{response_code="200"} 5\n# TYPE pushes counter\npushes 3 1500000000123\n',
};

describe("mergeExpositions", () => {
  test("writes the parts in order, each family once", () => {
    const application: ExpositionPart = {
      source: "application",
      format: "text",
      text: '# TYPE orders_total counter\norders_total 7\n# TYPE up gauge\nup{of="db"} 0\nloose 1\n',
    };
    const { text, problems } = mergeExpositions([agent, proxy, application], "text");
    expect(problems).toEqual([]);
    expect(text).toBe(
      [
        "# HELP up Is up",
        "# TYPE up gauge",
        "up 1",
        'up{of="db"} 0',
        "# HELP istio_requests_total ",
        "# TYPE istio_requests_total counter",
        'istio_requests_total{response_code="200"} 5',
        "# HELP pushes ",
        "# TYPE pushes counter",
        "pushes 3 1500000000123",
        "# HELP orders_total ",
        "# TYPE orders_total counter",
        "orders_total 7",
        "# HELP loose ",
        "# TYPE loose untyped",
        "loose 1",
        "",
      ].join("\n"),
    );
  });

  test("turns an OpenMetrics application into the older format", () => {
    const application: ExpositionPart = {
      source: "application",
      format: "openmetrics",
      text: [
        '# HELP jobs Jobs "done"',
        "# TYPE jobs counter",
        "# UNIT jobs ",
        'jobs_total{a="1"} 4 1500000000.5 # {trace_id="x"} 1',
        'jobs_created{a="1"} 1500000000',
        "# TYPE build info",
        'build_info{version="1"} 1',
        "# TYPE wait_seconds histogram",
        'wait_seconds_bucket{le="+Inf"} 2',
        "wait_seconds_count 2",
        "wait_seconds_sum 3",
        "# EOF",
      ].join("\n"),
    };
    expect(mergeExpositions([application], "text").text).toBe(
      [
        '# HELP jobs_total Jobs "done"',
        "# TYPE jobs_total counter",
        'jobs_total{a="1"} 4 1500000000500',
        "# HELP build_info ",
        "# TYPE build_info gauge",
        'build_info{version="1"} 1',
        "# HELP wait_seconds ",
        "# TYPE wait_seconds histogram",
        'wait_seconds_bucket{le="+Inf"} 2',
        "wait_seconds_count 2",
        "wait_seconds_sum 3",
        "",
      ].join("\n"),
    );
  });

  test("turns the older format into OpenMetrics, and keeps exemplars", () => {
    const application: ExpositionPart = {
      source: "application",
      format: "openmetrics",
      text: '# TYPE jobs counter\njobs_total 4 # {trace_id="x"} 1\n# EOF\n',
    };
    expect(mergeExpositions([proxy, application], "openmetrics").text).toBe(
      [
        "# HELP istio_requests ",
        "# TYPE istio_requests counter",
        'istio_requests_total{response_code="200"} 5',
        "# HELP pushes ",
        "# TYPE pushes unknown",
        "pushes 3 1500000000.123",
        "# HELP jobs ",
        "# TYPE jobs counter",
        'jobs_total 4 # {trace_id="x"} 1',
        "# EOF",
        "",
      ].join("\n"),
    );
  });

  test("leaves out a part that cannot be read, whole, and says why", () => {
    for (const text of ["good 1\n<html>", 'bad{a="1" b} 1\n', 'bad{a="1",a="2"} 1']) {
      const { text: merged, problems } = mergeExpositions(
        [agent, { source: "application", format: "text", text }],
        "text",
      );
      expect(merged).toBe("# HELP up Is up\n# TYPE up gauge\nup 1\n");
      expect(problems.length).toBe(1);
      expect(problems[0]?.source).toBe("application");
    }
  });

  test("does not look into the labels of a trusted part", () => {
    const text = 'odd{a="1",a="2"} 1\n';
    expect(mergeExpositions([{ source: "proxy", format: "text", text, trusted: true }], "text").text).toContain(text);
  });

  test("keeps the first of two equal series and of two types", () => {
    const application: ExpositionPart = {
      source: "application",
      format: "text",
      text: "# TYPE up gauge\nup 99\n# TYPE pushes gauge\npushes 99\n",
    };
    const { text, problems } = mergeExpositions([agent, proxy, application], "text");
    expect(text).not.toContain("99");
    expect(problems).toEqual([
      { source: "application", line: 0, message: "pushes is a gauge here and a counter before" },
    ]);
  });
});
