// Expressions of CEL that choose what is logged: the same requests on both proxies.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { traffic } from "./traffic.ts";
import type { Field } from "./wire.ts";

const LAST = "/last";

/** With a request that is always logged, so that nobody waits for a line that never comes. */
function logged(expression: string): Message {
  const type = "extensions.access_loggers.filters.cel.v3.ExpressionFilter";
  const value = { expression: `(${expression}) || request.path == '${LAST}'` };
  return { extension_filter: extension("envoy.access_loggers.extension_filters.cel", type, value) };
}

interface Sent {
  readonly path: string;
  readonly headers?: readonly Field[];
  readonly method?: string;
}

const OK: Sent = { path: "/ok?a=b" };
const MISSING: Sent = { path: "/missing" };
const TAGGED: Sent = {
  path: "/tagged",
  headers: [
    ["x-tag", "one"],
    ["x-tag", "two"],
    ["user-agent", "tester"],
  ],
};
const POST: Sent = { path: "/post", method: "POST" };
const ALL = [OK, MISSING, TAGGED, POST];

const CASES: readonly (readonly [expression: string, logs: readonly Sent[]])[] = [
  ["response.code >= 400", [MISSING]],
  ["!(response.code == 404)", [OK, TAGGED, POST]],
  ["response.code / 100 == 4 && response.code % 100 < 10", [MISSING]],
  ["response.code == '404'", []],
  ["response.code in [404, 500]", [MISSING]],
  ["request.headers['x-tag'] == 'one,two'", [TAGGED]],
  ["request.headers['x-tag'] != 'one,two'", []],
  ["'x-tag' in request.headers", [TAGGED]],
  ["!('x-tag' in request.headers)", [OK, MISSING, POST]],
  ["request.headers['x-tag'] == 'one,two' || response.code == 404", [MISSING, TAGGED]],
  ["request.headers['X-TAG'].startsWith('one')", [TAGGED]],
  ["request.useragent == 'tester'", [TAGGED]],
  ["request.method == 'POST'", [POST]],
  ["request.method in ['POST', 'PUT'] ? true : request.query == 'a=b'", [OK, POST]],
  ["request.url_path == '/ok'", [OK]],
  ["request.path.endsWith('a=b')", [OK]],
  ["request.path.contains('s')", [MISSING, POST]],
  ["request.url_path.matches('^/(ok|post)$')", [OK, POST]],
  ["request.url_path.matches('is+')", [MISSING]],
  ["size(request.url_path) == 3", [OK]],
  ["request.scheme == 'http' && request.id.size() == 36", ALL],
  ["response.code_details == 'via_upstream'", [OK, TAGGED, POST]],
  ["response.grpc_status == 12", [MISSING]],
  ["response.headers['x-answer'] == 'yes'", [TAGGED]],
  ["connection.mtls", []],
  ["!connection.mtls && source.address.startsWith('127.0.0.1:') && destination.port > 0", ALL],
  ["xds.cluster_name == 'upstream'", [OK, TAGGED, POST]],
  ["response.code >= 400 || xds.cluster_name == 'BlackHoleCluster'", [MISSING]],
  ["request.path + 'x' == '/missingx'", []],
  ["response.code / 0 == 1 || true", ALL],
  ["response.code", []],
];

for (const [expression, expected] of CASES)
  traffic(
    `logs by ${expression}`,
    {
      legs: DIRECT,
      logFilter: logged(expression),
      routes: [
        { match: { path: "/missing" }, direct_response: { status: 404 } },
        { match: { prefix: "/" }, route: { cluster: "upstream" } },
      ],
    },
    async ({ client, application: { v1 }, log }) => {
      v1.script(({ path }) => ({ kind: "echo", headers: path === "/tagged" ? [["x-answer", "yes"]] : [] }));
      for (const { path, headers, method } of [...ALL, { path: LAST, headers: undefined, method: undefined }])
        await client.request(path, { ...(headers ? { headers } : {}), ...(method ? { method } : {}) });
      await log.atLeast(expected.length + 1);
      expect(log.lines.map(({ path }) => path)).toEqual([...expected.map(({ path }) => path), LAST]);
    },
  );
