// What a VirtualService may do to requests besides routing them, faults, copies, CORS, other paths; and by what a client's policy chooses
// among endpoints.

import { expect, test } from "bun:test";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";

const TO_V1 = "route: [{destination: {host: golden, subset: v1}}]";

export function routeFeatureCases(pair: Pair): void {
  test("faults: an abort answers in place of the application, for its share of the requests", async () => {
    await pair.route(
      `  - match: [{uri: {prefix: /abort}}]
    fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
    ${TO_V1}
  - match: [{uri: {prefix: /never}}]
    fault: {abort: {httpStatus: 418, percentage: {value: 0}}, delay: {fixedDelay: 60s, percent: 0}}
    ${TO_V1}
  - match: [{uri: {prefix: /grpc}}]
    fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}
    ${TO_V1}
  - match: [{uri: {prefix: /delayed}}]
    fault: {delay: {fixedDelay: 0.3s, percentage: {value: 100}}}
    timeout: 0.1s
    ${TO_V1}`,
    );
    const aborted = await pair.get("/abort");
    expect([aborted.status, await aborted.text()]).toEqual([418, "fault filter abort"]);
    expect((await pair.described("/never")).name).toBe("v1");
    const grpc = await pair.get("/grpc", { headers: { "content-type": "application/grpc" } });
    expect(grpc.headers.get("grpc-status")).toBe("14");
    // The time-out is the upstream's: it begins after the delay.
    expect((await pair.described("/delayed")).name).toBe("v1");
  });

  test("mirrors: the other version gets a copy, and its answer is nobody's", async () => {
    const key = Math.random();
    await pair.route(
      `  - match: [{uri: {prefix: /flaky}}]
    mirror: {host: golden, subset: v2}
    retries: {attempts: 0}
    ${TO_V1}
  - match: [{uri: {exact: /v2}}]
    rewrite: {uri: /flaky/${key}/1}
    retries: {attempts: 0}
    route: [{destination: {host: golden, subset: v2}}]
  - ${TO_V1}`,
    );
    // The first request of the key fails at each version; v2 has had its own by the copy when it answers well at once.
    expect((await pair.get(`/flaky/${key}/1`)).status).toBe(503);
    const status = await eventually(
      async () => (await pair.get("/v2")).status,
      (last) => last === 200,
    );
    expect(status).toBe(200);
  });

  test("CORS: a preflight is answered here, and a response tells what may be read", async () => {
    await pair.route(
      `  - corsPolicy:
      allowOrigins: [{exact: "https://a.test"}]
      allowMethods: [GET, PUT]
      allowHeaders: [x-own]
      exposeHeaders: [x-shown]
      maxAge: 10m
      allowCredentials: true
    ${TO_V1}`,
    );
    const origin = "https://a.test";
    const preflight = await pair.get("/", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "PUT" },
    });
    expect(preflight.status).toBe(200);
    expect(await preflight.text()).toBe("");
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET,PUT");
    expect(preflight.headers.get("access-control-max-age")).toBe("600");
    const response = await pair.get("/", { headers: { origin } });
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("access-control-allow-credentials")).toBe("true");
    const other = await pair.get("/", { headers: { origin: "https://b.test" } });
    expect([other.status, other.headers.get("access-control-allow-origin")]).toEqual([200, null]);
  });

  test("rewrites: a prefix, all of an exact path, by groups, and the host", async () => {
    await pair.route(
      `  - match: [{uri: {prefix: /a}}]
    rewrite: {uri: /b, authority: b.test}
    ${TO_V1}
  - match: [{uri: {exact: /whole}}]
    rewrite: {uri: /other}
    ${TO_V1}
  - match: [{uri: {prefix: /c}}]
    rewrite: {uriRegexRewrite: {match: "/c/([0-9]+)", rewrite: "/d/\\\\1"}}
    ${TO_V1}
  - match: [{uri: {prefix: /ratings}}]
    rewrite: {uri: /}
    ${TO_V1}`,
    );
    const rewritten = await pair.described("/a/x?q=1");
    expect([rewritten.path, rewritten.host]).toEqual(["/b/x?q=1", "b.test"]);
    expect((await pair.described("/whole?q=1")).path).toBe("/other?q=1");
    expect((await pair.described("/c/42/x")).path).toBe("/d/42/x");
    // The text of the prefix alone is replaced, with the slash that comes after it still there.
    expect((await pair.described("/ratings/x")).path).toBe("//x");
  });

  test("redirects: a prefix of the path, and the port that was asked", async () => {
    await pair.route(
      `  - match: [{uri: {prefix: /old}}]
    redirect: {prefixRewrite: /new, authority: new.test, port: 8443, scheme: https, redirectCode: 308}
  - match: [{uri: {prefix: /port}}]
    redirect: {uri: /whole, authority: new.test, derivePort: FROM_REQUEST_PORT}
  - match: [{uri: {prefix: /bytes}}]
    directResponse: {status: 202, body: {bytes: aGk=}}`,
    );
    const redirect = async (path: string) => {
      const response = await pair.get(path, { redirect: "manual" });
      return [response.status, response.headers.get("location")];
    };
    expect(await redirect("/old/x?q=1")).toEqual([308, "https://new.test:8443/new/x?q=1"]);
    // Port 80 is plaintext's own, and not written.
    expect(await redirect("/port/x?q=1")).toEqual([301, "http://new.test/whole?q=1"]);
    const bytes = await pair.get("/bytes");
    expect([bytes.status, await bytes.text()]).toEqual([202, "hi"]);
  });

  test("a hash of a header or of a cookie names the endpoint", async () => {
    await pair.route("  - route: [{destination: {host: golden}}]");
    const namesOf = (headers: Record<string, string>): Promise<readonly string[]> =>
      Promise.all(Array.from({ length: 12 }, async () => (await pair.described("/", { headers })).name));
    const isOne = (names: readonly string[]): boolean => new Set(names).size === 1;
    const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
    const byUser = () => Promise.all(users.map((user) => namesOf({ "x-user": user })));

    await pair.follow("{loadBalancer: {consistentHash: {httpHeaderName: x-user}}}");
    const chosen = await eventually(byUser, (all) => all.every(isOne));
    expect(chosen.every(isOne)).toBe(true);
    expect(new Set(chosen.map(([name]) => name))).toEqual(new Set(["v1", "v2"]));

    await pair.follow(
      "{loadBalancer: {consistentHash: {httpCookie: {name: session, ttl: 1h}, maglev: {tableSize: 65537}}}}",
    );
    const cookie = await eventually(
      async () => (await pair.get("/")).headers.get("set-cookie"),
      (value) => value !== null,
    );
    expect(cookie).toMatch(/^session="[0-9a-f]+"; Max-Age=3600; HttpOnly$/);
    expect(isOne(await namesOf({ cookie: cookie!.split(";")[0]! }))).toBe(true);

    await pair.follow("{loadBalancer: {}}");
    const balanced = await eventually(
      () => namesOf({ "x-user": "user-0" }),
      (names) => !isOne(names),
    );
    expect(isOne(balanced)).toBe(false);
  });
}
