import { expect, test } from "bun:test";
import { parseH2load } from "./h2load.ts";

const OUTPUT = `starting benchmark...
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 1.50s, 67200.00 req/s, 2.37MB/s
requests: 67200 total, 67232 started, 67200 done, 67190 succeeded, 10 failed, 1 errored, 2 timeout
status codes: 67190 2xx, 0 3xx, 0 4xx, 10 5xx
time for request:       62us     18.15ms       365us       609us    96.60%
`;
const LOG = "1795820880235608\t200\t300\n1795820880235609\t200\t100\n1795820880235610\t-1\t200\n";

test("requests and time are read from the output, latencies from the log", () => {
  expect(parseH2load(OUTPUT, LOG)).toEqual({ requests: 67_190, seconds: 1.5, p50Us: 200, p99Us: 300, errors: 13 });
});

test("what is no result is not taken for one", () => {
  expect(parseH2load(OUTPUT, "")).toBeUndefined();
  expect(parseH2load("connect: Connection refused\n", LOG)).toBeUndefined();
  expect(parseH2load(OUTPUT.replace("finished in", "gave up after"), LOG)).toBeUndefined();
});
