// Traffic management: bookinfo and httpbin under the objects of the pages below istio.io/latest/docs/tasks/traffic-management.

import { beforeAll, expect, test } from "bun:test";
import { ByteClient } from "../../traffic/byte-client.ts";
import { eventually, type TestWorkload } from "../../traffic/mesh.ts";
import { likely, tasks } from "./tasks.ts";

const SUBSETS = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
  - {name: v3, labels: {version: v3}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ratings}
spec:
  host: ratings
  subsets: [{name: v1, labels: {version: v1}}]
---`;

const reviewsRoutes = (http: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
${http}
---`;

const ratingsRoutes = (http: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings}
spec:
  hosts: [ratings]
  http:
${http}
---`;

/** Jason sees v2, everybody else v1. */
const BY_USER = reviewsRoutes(`
  - match: [{headers: {end-user: {exact: jason}}}]
    route: [{destination: {host: reviews, subset: v2}}]
  - route: [{destination: {host: reviews, subset: v1}}]`);

tasks("traffic management", (lab) => {
  let curl: TestWorkload;
  let httpbin: readonly TestWorkload[];
  const page = "http://productpage:9080/productpage";
  const jason = { "end-user": "jason" };
  beforeAll(async () => {
    const bookinfo = { http: 9080 };
    [curl, ...httpbin] = await Promise.all([
      lab.run({ app: "curl", ports: { http: 80 } }),
      lab.run({ app: "httpbin", version: "v1", ports: { http: 8000 } }),
      lab.run({ app: "httpbin", version: "v2", ports: { http: 8000 } }),
      lab.run({ app: "productpage", role: "productpage", ports: bookinfo, calls: "reviews:9080" }),
      lab.run({ app: "reviews", version: "v1", role: "reviews", ports: bookinfo }),
      lab.run({ app: "reviews", version: "v2", role: "reviews", ports: bookinfo, calls: "ratings:9080" }),
      lab.run({ app: "reviews", version: "v3", role: "reviews", ports: bookinfo, calls: "ratings:9080" }),
      lab.run({ app: "ratings", role: "ratings", ports: bookinfo }),
      lab.run({ app: "tcp-echo", version: "v1", role: "echo", ports: { tcp: 9000 } }),
      lab.run({ app: "tcp-echo", version: "v2", role: "echo", ports: { tcp: 9000 } }),
    ]);
    await lab.settled();
  }, 60_000);

  test("request routing", async () => {
    await lab.follow(SUBSETS + reviewsRoutes("  - route: [{destination: {host: reviews, subset: v1}}]"));
    for (let i = 0; i < 10; i++) await lab.sees(curl, page, { status: 200, text: '"by":"reviews-v1"' });
    await lab.follow(BY_USER);
    await lab.sees(
      curl,
      { url: page, headers: jason },
      { status: 200, text: '"by":"reviews-v2","ratings":{"by":"ratings-v1","stars":5}' },
    );
    for (let i = 0; i < 10; i++) await lab.sees(curl, page, { status: 200, text: '"by":"reviews-v1"' });
    await lab.sees(curl, "http://reviews:9080/reviews/0", { status: 200, by: "reviews-v1" });
    await lab.sees(curl, { url: "http://reviews:9080/reviews/0", headers: jason }, { status: 200, by: "reviews-v2" });
  });

  test("fault injection", async () => {
    const fault = (fault: string) =>
      ratingsRoutes(`
  - match: [{headers: {end-user: {exact: jason}}}]
    fault: ${fault}
    route: [{destination: {host: ratings, subset: v1}}]
  - route: [{destination: {host: ratings, subset: v1}}]`);
    await lab.follow(SUBSETS + BY_USER + fault("{delay: {percentage: {value: 100}, fixedDelay: 0.9s}}"));
    // What the page finds: the reviews' own callers wait for less time than the reviews themselves.
    await lab.sees(curl, { url: page, headers: jason }, { status: 200, text: '"reviews":{"error":"late"}' });
    await lab.sees(curl, page, { status: 200, text: '"by":"reviews-v1"' });
    const rated = { url: "http://ratings:9080/ratings/0", headers: jason };
    const startedAt = performance.now();
    await lab.sees(curl, rated, { status: 200, by: "ratings-v1" });
    expect(performance.now() - startedAt).toBeGreaterThan(890);
    await lab.follow(fault("{abort: {httpStatus: 500, percentage: {value: 100}}}"));
    await lab.sees(curl, rated, { status: 500, by: "proxy", text: "fault filter abort" });
    await lab.sees(curl, { url: page, headers: jason }, { status: 200, text: '"ratings":{"error":500}' });
    await lab.sees(curl, "http://ratings:9080/ratings/0", { status: 200 });
  });

  test("traffic shifting", async () => {
    const shifted = (v1: number, v3: number) =>
      reviewsRoutes(`
  - route:
    - {destination: {host: reviews, subset: v1}, weight: ${v1}}
    - {destination: {host: reviews, subset: v3}, weight: ${v3}}`);
    const url = "http://reviews:9080/reviews/0";
    await lab.follow(SUBSETS + shifted(50, 50));
    await lab.sees(curl, url, { status: 200, by: /^reviews-v[13]$/ });
    const half = await lab.shares(curl, url, 200);
    const [least, most] = likely(200, 0.5);
    expect(half.get("reviews-v3")).toBeGreaterThanOrEqual(least);
    expect(half.get("reviews-v3")).toBeLessThanOrEqual(most);
    expect(half.get("reviews-v2")).toBeUndefined();
    await lab.follow(reviewsRoutes("  - route: [{destination: {host: reviews, subset: v3}}]"));
    expect(await lab.shares(curl, url, 40)).toEqual(new Map([["reviews-v3", 40]]));
  });

  test("TCP traffic shifting", async () => {
    const shifted = (v1: number, v2: number) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: tcp-echo}
spec: {host: tcp-echo, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tcp-echo}
spec:
  hosts: [tcp-echo]
  tcp:
  - match: [{port: 9000}]
    route:
    - {destination: {host: tcp-echo, port: {number: 9000}, subset: v1}, weight: ${v1}}
    - {destination: {host: tcp-echo, port: {number: 9000}, subset: v2}, weight: ${v2}}`;
    const said = async () => {
      const client = await ByteClient.connect(curl.ports.forwardProxy);
      try {
        await client.send("CONNECT tcp-echo:9000 HTTP/1.1\r\nhost: tcp-echo:9000\r\n\r\n").hears("\r\n\r\n");
        return /tcp-echo-v\d/.exec(await client.send("hello\n").hears("hello"))?.[0];
      } finally {
        client.close();
      }
    };
    const saidOf = async (count: number) => (await Promise.all(Array.from({ length: count }, said))).sort();
    await lab.follow(shifted(100, 0));
    expect(new Set(await saidOf(20))).toEqual(new Set(["tcp-echo-v1"]));
    await lab.follow(shifted(80, 20));
    const second = (await saidOf(100)).filter((name) => name === "tcp-echo-v2").length;
    const [least, most] = likely(100, 0.2);
    expect(second).toBeGreaterThanOrEqual(least);
    expect(second).toBeLessThanOrEqual(most);
    const { outcome, clusters } = await lab.explain(curl, "tcp://tcp-echo:9000");
    expect([outcome, clusters.map(({ weight }) => weight).sort()]).toEqual(["forward", [20, 80]]);
  });

  test("request timeouts", async () => {
    await lab.follow(
      SUBSETS +
        reviewsRoutes("  - route: [{destination: {host: reviews, subset: v2}}]") +
        ratingsRoutes(`
  - fault: {delay: {percentage: {value: 100}, fixedDelay: 0.2s}}
    route: [{destination: {host: ratings, subset: v1}}]`),
    );
    await lab.sees(curl, page, { status: 200, text: '"stars":5' });
    await lab.follow(reviewsRoutes("  - route: [{destination: {host: reviews, subset: v2}}]\n    timeout: 0.05s"));
    await lab.sees(curl, page, { status: 200, text: '"reviews":{"error":504}' });
    await lab.sees(curl, "http://reviews:9080/reviews/0", { status: 504, by: "proxy", explained: "forwarded" });
  });

  test("circuit breaking", async () => {
    await lab.follow(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin}
spec:
  host: httpbin
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 1}
      http: {http1MaxPendingRequests: 1, maxRequestsPerConnection: 1}
    outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 100}`);
    await lab.sees(curl, "http://httpbin:8000/get", { status: 200 });
    const asked = await Promise.all(Array.from({ length: 12 }, () => lab.ask(curl, "http://httpbin:8000/delay/0.3")));
    const overflowed = asked.filter(({ status }) => status === 503);
    expect(asked.length - overflowed.length).toBeGreaterThanOrEqual(1);
    expect(overflowed.length).toBeGreaterThanOrEqual(1);
    expect(asked.every(({ status }) => status === 200 || status === 503)).toBe(true);
    for (const { headers } of overflowed) expect(headers.get("x-envoy-overloaded")).toBe("true");
    const stats = await (await fetch(`http://127.0.0.1:${curl.ports.admin}/stats?filter=httpbin.*pending`)).text();
    expect(stats).toMatch(/upstream_rq_pending_overflow: [1-9]/);
  });

  test("mirroring", async () => {
    const versions = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin}
spec: {host: httpbin, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---`;
    const route = (mirror: string) => `${versions}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin}
spec:
  hosts: [httpbin]
  http:
  - route: [{destination: {host: httpbin, subset: v1}, weight: 100}]
${mirror}`;
    const hostsAt = async ({ ports }: TestWorkload) =>
      (await (await fetch(`http://127.0.0.1:${ports.application}/hosts`)).json()) as readonly string[];
    const asked = () => lab.shares(curl, "http://httpbin:8000/headers", 20);
    await lab.follow(route(""));
    const before = (await hostsAt(httpbin[1]!)).length;
    expect(await asked()).toEqual(new Map([["httpbin-v1", 20]]));
    expect((await hostsAt(httpbin[1]!)).length).toBe(before);
    await lab.follow(route("    mirror: {host: httpbin, subset: v2}\n    mirrorPercentage: {value: 100}"));
    expect(await asked()).toEqual(new Map([["httpbin-v1", 20]]));
    const hosts = await eventually(
      () => hostsAt(httpbin[1]!),
      (found) => found.length >= before + 20,
    );
    expect(hosts.slice(before)).toEqual(Array(20).fill("httpbin:8000"));
  });
});
