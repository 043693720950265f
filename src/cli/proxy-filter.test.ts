import { describe, expect, test } from "bun:test";
import { type FilterOptions, filtered, filterText } from "./proxy-filter.ts";
import type { ProxyTable } from "./proxy-table.ts";

function table(columns: readonly string[], ...rows: readonly (readonly string[])[]): ProxyTable {
  return { columns, rows: rows.map((cells) => ({ cells, resource: {} })) };
}

const CLUSTERS = table(
  ["service fqdn", "port", "subset", "direction", "type", "destination rule"],
  ["reviews.shop.svc.cluster.local", "9080", "-", "outbound", "EDS", ""],
  ["reviews.shop.svc.cluster.local", "9080", "v1", "outbound", "EDS", ""],
  ["-", "9080", "-", "inbound", "STATIC", ""],
);
const LISTENERS = table(
  ["addresses", "port", "match", "destination"],
  ["0.0.0.0", "80", "ALL", "Route: 80"],
  ["0.0.0.0", "9000", "ALL", "Inline Route: 9000"],
  ["10.0.0.1", "3306", "ALL", "Cluster: outbound|3306||db"],
);
const ENDPOINTS = table(
  ["endpoint", "status", "outlier check", "cluster"],
  ["10.0.0.1:80", "HEALTHY", "OK", "outbound|80||a"],
  ["10.0.0.1:8080", "UNHEALTHY", "OK", "outbound|80||b"],
  ["[fd00::1]:80", "HEALTHY", "OK", "outbound|80||b"],
);

function rows(of: ProxyTable, options: FilterOptions): readonly string[] {
  return filtered([of], options).flatMap((found) => found.rows.map(({ cells }) => cells.join(" ")));
}

describe("istioctl's filters", () => {
  test.each([
    ["a part of a host", CLUSTERS, { fqdn: "Reviews" }, [0, 1]],
    ["a subset", CLUSTERS, { fqdn: "reviews.shop", subset: "v1" }, [1]],
    ["a direction", CLUSTERS, { direction: "inbound" }, [2]],
    ["listeners of requests", LISTENERS, { type: "HTTP" }, [0, 1]],
    ["listeners of bytes", LISTENERS, { type: "tcp" }, [2]],
    ["listeners by port and address", LISTENERS, { port: "3306", address: "10.0.0.1" }, [2]],
    ["endpoints by port, not by the end of one", ENDPOINTS, { port: "80" }, [0, 2]],
    ["endpoints by address", ENDPOINTS, { address: "10.0.0.1", status: "unhealthy" }, [1]],
    ["an address of IPv6", ENDPOINTS, { address: "[fd00::1]" }, [2]],
  ] as const)("%s", (_, of, options, expected) => {
    expect(rows(of, options)).toEqual(expected.map((index) => of.rows[index]!.cells.join(" ")));
  });

  test("one that no column answers to is refused, and not passed over", () => {
    expect(() => rows(ENDPOINTS, { subset: "v1" })).toThrow("--subset chooses nothing of this type");
  });

  const SECRETS = table(["resource name", "type", "status"], ["default", "Cert Chain", "ACTIVE"]);
  test.each([
    ["a health", [ENDPOINTS], { status: "sick" }, "--status is none of HEALTHY, UNHEALTHY, DRAINING"],
    ["another table's", [ENDPOINTS], { status: "ACTIVE" }, "--status is none of HEALTHY"],
    ["a secret's", [SECRETS], { status: "HEALTHY" }, "--status is none of ACTIVE, WARMING"],
    ["one of statistics", [LISTENERS], { type: "server" }, "--type is none of HTTP, TCP"],
  ] as const)("a word that no row can have is refused: %s", (_, tables, options, said) => {
    expect(() => filtered(tables, options)).toThrow(said);
  });

  test("of all tables the word is one of theirs", () => {
    const [endpoints, secrets] = filtered([ENDPOINTS, SECRETS], { status: "active" });
    expect([endpoints?.rows.length, secrets?.rows.length]).toEqual([0, 1]);
  });

  test("of all tables those without the column stay as they are", () => {
    const [clusters, endpoints] = filtered([CLUSTERS, ENDPOINTS], { subset: "v1" });
    expect([clusters?.rows.length, endpoints?.rows.length]).toEqual([1, 3]);
  });

  test("as they were written", () => {
    expect(filterText({ subset: "v1", fqdn: "reviews" })).toBe("--fqdn reviews --subset v1");
  });
});
