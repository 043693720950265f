import { expect, test } from "bun:test";
import { parseWrk } from "./wrk.ts";

const OUTPUT = `Running 3s test @ http://127.0.0.1:19025/hello
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.34ms  100.00us   2.00ms   90.00%
    Req/Sec    47.50k     1.20k   49.00k    66.00%
  Latency Distribution
     50%    1.31ms
     75%    1.40ms
     90%  950.00us
     99%    1.20s
  142500 requests in 3.00s, 25.00MB read
Requests/sec:  47500.00
Transfer/sec:      8.33MB
`;

test("requests, time and latencies are read in one unit each", () => {
  expect(parseWrk(OUTPUT)).toEqual({ requests: 142_500, seconds: 3, p50Us: 1_310, p99Us: 1_200_000, errors: 0 });
});

test("a run of more than a minute is in seconds", () => {
  expect(parseWrk(OUTPUT.replace("in 3.00s", "in 1.50m"))?.seconds).toBe(90);
});

test("socket errors and refused requests are added up", () => {
  const failed = `${OUTPUT}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 100\n`;
  expect(parseWrk(failed)?.errors).toBe(110);
});

test("what is no result is not taken for one", () => {
  expect(parseWrk("unable to connect to 127.0.0.1:1 Connection refused\n")).toBeUndefined();
  expect(parseWrk(OUTPUT.replace("50%    1.31ms", "50%    1.31fortnights"))).toBeUndefined();
  expect(parseWrk("")).toBeUndefined();
});
