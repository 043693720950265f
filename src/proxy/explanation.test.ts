import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { type Ending, explanation } from "./explanation.ts";

function ending(changes: Partial<Ending>): Ending {
  return {
    details: undefined,
    flags: "-",
    clusterName: "a",
    host: { label: "10.0.0.1:80" },
    transportFailure: undefined,
    ...changes,
  };
}

describe("a sentence", () => {
  test("names the cluster, the host and what the transport said", () => {
    expect(explanation(ending({ details: "no_healthy_upstream", flags: "UH" }))).toBe(
      "cluster a has no host that may take requests",
    );
    const failure = { details: "upstream_reset_before_response_started{remote_connection_failure|x}", flags: "UF" };
    expect(explanation(ending({ ...failure, transportFailure: "connection refused" }))).toBe(
      "no connection to the host 10.0.0.1:80 came about: connection refused",
    );
  });

  test("tells resets apart, before and in the middle of the answer", () => {
    const reset = (details: string) => explanation(ending({ details, flags: "UC" }));
    expect(reset("upstream_reset_before_response_started{protocol_error}")).toContain("no valid HTTP");
    expect(reset("upstream_reset_after_response_started{connection_termination}")).toStartWith(
      "in the middle of the answer: ",
    );
    expect(reset("upstream_reset_before_response_started{something_new}")).toContain("something_new");
  });

  test("tells which policy denied", () => {
    expect(explanation(ending({ details: "rbac_access_denied_matched_policy[ns[a]-policy[b]-rule[0]]" }))).toBe(
      "authorization policy ns[a]-policy[b]-rule[0] denies it",
    );
    expect(explanation(ending({ details: "rbac_access_denied_matched_policy[none]" }))).toBe(
      "no authorization policy allows it",
    );
  });

  test("is of the flag where there are no details, as of byte streams", () => {
    expect(explanation(ending({ flags: "UF", transportFailure: "connect timeout" }))).toContain("connect timeout");
    expect(explanation(ending({ flags: "UF,URX" }))).toContain("no connection");
  });

  test("is not there when the host answered", () => {
    expect(explanation(ending({ details: "via_upstream" }))).toBeUndefined();
    expect(explanation(ending({}))).toBeUndefined();
  });
});

/** Names that the proxy's sources give: arguments of replies and assignments. */
function detailsInSources(): readonly string[] {
  const folder = import.meta.dir;
  const files = [...new Glob("**/*.ts").scanSync(folder)].filter(
    (file) => !/\.test\.ts$|fixture|^explanation|^admin\//.test(file),
  );
  const source = files.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
  const patterns = [
    /\.reply\(\s*[^,]+,\s*(?:"[^"]*"|[\w.]+),\s*["`]([a-z0-9_.]+)/g,
    /details = "([a-z0-9_.]+)"/g,
    /details: [`"]([a-z0-9_.]+)/g,
    /perTryTimeout\("([a-z0-9_.]+)"\)/g,
    /#giveUp\([^,]+, "[^"]*", "([a-z0-9_.]+)"/g,
  ];
  return [...new Set(patterns.flatMap((pattern) => [...source.matchAll(pattern)].map(([, name]) => name!)))].sort();
}

test("every local reply of the proxy has a sentence of its own", () => {
  const names = detailsInSources().filter((name) => name !== "via_upstream");
  expect(names.length).toBeGreaterThan(10);
  const general = names.filter((name) =>
    explanation(ending({ details: name }))?.startsWith("the proxy answered by itself"),
  );
  expect(general).toEqual([]);
});
