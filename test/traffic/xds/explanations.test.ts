// The sentence that Heddle's access log has beside Envoy's flag and details, for each way in which a request ends badly.

import { expect } from "bun:test";
import type { CaseConfiguration } from "./configuration.ts";
import { DIRECT } from "./configuration.ts";
import { type Traffic, traffic } from "./traffic.ts";

interface Ending {
  readonly name: string;
  readonly config: CaseConfiguration;
  readonly flags: string;
  readonly details: string | RegExp;
  readonly sentence: string | RegExp;
  readonly ask?: (traffic: Traffic) => Promise<unknown>;
}

const SKIP = { envoy: "the operator is Heddle's own" } as const;

const ENDINGS: readonly Ending[] = [
  {
    name: "no route",
    config: { routes: [{ match: { path: "/only" }, route: { cluster: "upstream" } }] },
    flags: "NR",
    details: "route_not_found",
    sentence: "no route takes a request of this authority and path",
  },
  {
    name: "no host",
    config: { endpoints: [] },
    flags: "UH",
    details: "no_healthy_upstream",
    sentence: "cluster upstream has no host that may take requests",
  },
  {
    name: "no connection",
    config: { endpoints: ["closed"] },
    flags: "UF",
    details: /^upstream_reset_before_response_started\{remote_connection_failure/,
    sentence: /^no connection to the host 127\.0\.0\.1:1 came about: /,
  },
  {
    name: "no cluster",
    config: {
      routes: [{ match: { prefix: "/" }, route: { cluster_header: "x-to" } }],
    },
    flags: "NC",
    details: "cluster_not_found",
    sentence: "the route leads to cluster nowhere, which the proxy does not know",
    ask: ({ client }) => client.request("/", { headers: { "x-to": "nowhere" } }),
  },
  {
    name: "a time-out",
    config: { route: { timeout: "0.05s" } },
    flags: "UT",
    details: "response_timeout",
    sentence: "no answer came from cluster upstream within the route's time-out",
    ask: ({ client, application: { v1 } }) => {
      v1.answers({ kind: "hang" });
      return client.request("/");
    },
  },
  {
    name: "a connection that is closed",
    config: {},
    flags: "UC",
    details: "upstream_reset_before_response_started{connection_termination}",
    sentence: /^the host 127\.0\.0\.1:\d+ closed the connection before its answer was whole$/,
    ask: ({ client, application: { v1 } }) => {
      v1.answers({ kind: "close" });
      return client.request("/");
    },
  },
];

for (const { name, config, flags, details, sentence, ask } of ENDINGS) {
  const log = { explanation: "%HEDDLE_EXPLANATION%" };
  traffic(`${name}, in a sentence`, { ...config, legs: DIRECT, log, skip: SKIP }, async (traffic) => {
    await (ask?.(traffic) ?? traffic.client.request("/"));
    const [line] = await traffic.logs(1);
    expect(line?.flags).toBe(flags);
    expect(line?.details).toMatch(details);
    expect(line?.explanation).toMatch(sentence);
  });
}

/** What no parser takes for an answer: each is Envoy's UPE with 502, on both proxies. */
const GARBAGE: readonly (readonly [name: string, bytes: string])[] = [
  ["no HTTP at all", "SSH-2.0-OpenSSH_9.6\r\n"],
  ["a status that is no number", "HTTP/1.1 abc OK\r\n\r\n"],
  ["two lengths that differ", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na"],
  ["a length that is no number", "HTTP/1.1 200 OK\r\ncontent-length: one\r\n\r\n"],
  ["a header without a name", "HTTP/1.1 200 OK\r\n: a\r\n\r\n"],
  ["a NUL in a header", "HTTP/1.1 200 OK\r\nx-a: \0\r\ncontent-length: 0\r\n\r\n"],
];

for (const [name, bytes] of GARBAGE) {
  traffic(`garbage of the host: ${name}`, { legs: DIRECT }, async ({ client, logs, application: { v1 } }) => {
    v1.answers({ kind: "raw", bytes, close: true });
    expect((await client.request("/")).status).toBe(502);
    const [line] = await logs(1);
    expect(line?.flags).toBe("UPE");
    expect(line?.details).toMatch(/^upstream_reset_before_response_started\{protocol_error/);
  });
}
