// That the account finds what is wrong: each rule with books in which that alone is.

import { describe, expect, test } from "bun:test";
import { account, type Books } from "./account.ts";
import type { Outcome, Sighting } from "./load/told.ts";
import type { LogLine } from "./log-lines.ts";
import { Metrics } from "./metrics.ts";

const OUTCOME: Outcome = {
  id: "a-1",
  protocol: "http1",
  method: "POST",
  end: "whole",
  status: 200,
  grpcStatus: -1,
  fault: undefined,
  reused: false,
  localPort: 4_000,
  received: 10,
  detail: "",
  planned: undefined,
  resetFirst: false,
  endedAt: 1_000_000,
};
const SIGHTING: Sighting = { id: "a-1", seen: 1, whole: 1, resets: 0, fault: undefined };
const LINE: LogLine = {
  id: "a-1",
  code: "200",
  flags: "-",
  details: "via_upstream",
  attempts: "1",
  cluster: "many",
  clientPort: "4000",
  received: "10",
  sent: "10",
  local: "127.0.0.1:5000",
  failure: "-",
};

interface Parts {
  readonly outcome?: Partial<Outcome>;
  readonly sightings?: readonly Sighting[];
  readonly lines?: readonly Partial<LogLine>[];
  readonly outages?: Books["load"]["outages"];
  readonly drains?: Books["drains"];
  /** Requests that the metrics tell of more than the log does. */
  readonly more?: number;
}

const NOBODY = { http: [], visitors: [], bytes: [], metrics: new Metrics("") };

function rulesBroken(parts: Parts): string[] {
  const { outcome, sightings = [SIGHTING], lines = [{}], outages = [], drains = [], more = 0 } = parts;
  const http = lines.map((line) => ({ ...LINE, ...line }));
  const counted = http.map(
    ({ code, flags }, i) =>
      `istio_requests_total{reporter="source",response_code="${code}",response_flags="${flags}",n="${i}"} 1`,
  );
  const managed = `envoy_http_downstream_rq_total{http_conn_manager_prefix="outbound"} ${http.length + more}`;
  const metrics = new Metrics(`${[...counted, managed].join("\n")}\n`);
  const load = { outages, outcomes: [{ ...OUTCOME, ...outcome }], sightings };
  const books: Books = { drains, load, client: { ...NOBODY, http, metrics }, servers: {} };
  return account(books).findings.map(({ rule }) => rule);
}

const CUT: Partial<Outcome> = { end: "cut", detail: "ECONNRESET" };
const RESET: readonly Sighting[] = [{ ...SIGHTING, resets: 1 }];
const TWICE: readonly Sighting[] = [{ ...SIGHTING, seen: 2 }];

describe("nothing is found", () => {
  test.each<[string, Parts]>([
    ["in an answer that is whole everywhere", {}],
    [
      "in a loss by the application's reset, with its flag",
      { outcome: CUT, sightings: RESET, lines: [{ flags: "UR" }] },
    ],
    [
      "in GET that was seen once an attempt",
      { outcome: { method: "GET" }, sightings: TWICE, lines: [{ attempts: "2" }] },
    ],
    [
      "in a loss by an outage, with its flag",
      {
        outcome: CUT,
        lines: [{ flags: "UC" }],
        outages: [{ served: "http", from: 999_000, to: 999_500 }],
      },
    ],
    [
      "in a request that met a connection on its way out",
      { outcome: { end: "unanswered", status: 0, reused: true }, sightings: [], lines: [] },
    ],
  ])("%s", (_, parts) => expect(rulesBroken(parts)).toEqual([]));
});

describe("it is found", () => {
  test.each<[rule: string, Parts]>([
    ["corrupted on the way down", { outcome: { fault: "another byte" } }],
    ["corrupted on the way up", { sightings: [{ ...SIGHTING, fault: "another byte" }] }],
    ["hung", { outcome: { end: "hung" } }],
    ["duplicated", { sightings: TWICE, lines: [{ attempts: "2" }] }],
    ["duplicated", { outcome: { method: "GET" }, sightings: TWICE }],
    ["answered by nobody", { sightings: [] }],
    ["lost without a cause", { outcome: CUT, lines: [{ flags: "UC" }] }],
    ["a loss without a flag", { outcome: CUT, sightings: RESET }],
    [
      "an answer without a flag",
      { outcome: { end: "answered", status: 503 }, sightings: RESET, lines: [{ code: "503" }] },
    ],
    ["whole for the client, not in the log", { lines: [{ flags: "DC" }] }],
    ["several lines of one request", { lines: [{}, {}] }],
    ["no line in the access log", { lines: [] }],
    ["a line of no exchange", { lines: [{}, { id: "b-1" }] }],
    ["seen, and sent by nobody", { sightings: [SIGHTING, { ...SIGHTING, id: "b-1" }] }],
    ["client: requests, log and manager", { more: 1 }],
    [
      "a cut answer that looks whole",
      { outcome: { end: "cut", detail: "clean" }, sightings: RESET, lines: [{ flags: "UR" }] },
    ],
  ])("%s", (rule, parts) => expect(rulesBroken(parts)).toEqual([rule]));
});
