// What a VirtualService says of requests: where they go, what is changed, how long, how often.

import { expect, test } from "bun:test";
import type { Pair } from "../pair.ts";

export function routingCases(pair: Pair): void {
  test("weights divide the requests among subsets", async () => {
    await pair.route(
      "  - route: [{destination: {host: golden, subset: v1}, weight: 0}, {destination: {host: golden, subset: v2}, weight: 100}]",
    );
    for (let i = 0; i < 20; i++) expect((await pair.described("/")).name).toBe("v2");
    await pair.route(
      "  - route: [{destination: {host: golden, subset: v1}, weight: 75}, {destination: {host: golden, subset: v2}, weight: 25}]",
    );
    const names = await Promise.all(Array.from({ length: 400 }, async () => (await pair.described("/")).name));
    const share = names.filter((name) => name === "v1").length / 4;
    expect(share).toBeGreaterThan(65);
    expect(share).toBeLessThan(85);
  });

  test("routes match path, header, method and regular expression, first match first", async () => {
    await pair.route(
      `  - match: [{uri: {exact: /exact}}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{headers: {x-user: {exact: jane}}, method: {exact: POST}}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{uri: {regex: "/item/[0-9]+"}}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{uri: {prefix: /v2}}]
    route: [{destination: {host: golden, subset: v2}}]
  - route: [{destination: {host: golden, subset: v1}}]`,
    );
    expect((await pair.described("/exact/no")).name).toBe("v1");
    expect((await pair.described("/x", { method: "POST", headers: { "x-user": "jane" } })).name).toBe("v2");
    expect((await pair.described("/x", { headers: { "x-user": "jane" } })).name).toBe("v1");
    expect((await pair.described("/item/42?x")).name).toBe("v2");
    expect((await pair.described("/item/42/x")).name).toBe("v1");
    expect((await pair.described("/v2abc")).name).toBe("v2");
  });

  test("a regular expression may be as long as people write them", async () => {
    await pair.route(
      `  - match: [{uri: {regex: "/(?:${Array.from({ length: 60 }, (_, i) => `item-${i}`).join("|")})/[a-z0-9]{1,63}"}}]
    route: [{destination: {host: golden, subset: v2}}]
  - route: [{destination: {host: golden, subset: v1}}]`,
    );
    expect((await pair.described("/item-59/abc")).name).toBe("v2");
    expect((await pair.described("/item-60/abc")).name).toBe("v1");
  });

  test("header operations change the request and the response", async () => {
    await pair.route(
      `  - headers:
      request: {set: {x-set: mesh}, add: {x-add: more}, remove: [x-gone]}
      response: {set: {x-answer: "42"}, remove: [date]}
    route: [{destination: {host: golden, subset: v1}}]`,
    );
    const { headers } = await pair.described("/", { headers: { "x-set": "mine", "x-gone": "1" } });
    expect(headers["x-set"]).toBe("mesh");
    expect(headers["x-add"]).toBe("more");
    expect(headers["x-gone"]).toBeUndefined();
  });

  test("a time-out answers 504", async () => {
    await pair.route(
      `  - match: [{uri: {exact: /delay/1500}}]
    timeout: 0.2s
    retries: {attempts: 0}
    route: [{destination: {host: golden, subset: v1}}]
  - match: [{uri: {prefix: /delay}}]
    timeout: 10s
    route: [{destination: {host: golden, subset: v1}}]
  - route: [{destination: {host: golden, subset: v1}}]`,
    );
    const response = await pair.get("/delay/1500");
    expect(response.status).toBe(504);
    expect(await response.text()).toBe("upstream request timeout");
    expect((await pair.described("/delay/1")).path).toBe("/delay/1");
  });

  test("retries try again, as often as allowed", async () => {
    await pair.route(
      `  - match: [{uri: {prefix: /flaky}}]
    retries: {attempts: 3, retryOn: "5xx"}
    route: [{destination: {host: golden, subset: v1}}]
  - route: [{destination: {host: golden, subset: v1}}]`,
    );
    expect((await pair.get(`/flaky/a${Math.random()}/3`)).status).toBe(200);
    expect((await pair.get(`/flaky/b${Math.random()}/4`)).status).toBe(503);
    const posted = await pair.described(`/flaky/c${Math.random()}/2`, { method: "POST", body: "x".repeat(10_000) });
    expect(posted.body).toBe(10_000);
  });

  test("an unknown subset answers 503, a status passes as it is", async () => {
    expect((await pair.get("/status/418")).status).toBe(418);
    await pair.route(
      "  - match: [{uri: {prefix: /nowhere}}]\n    route: [{destination: {host: golden, subset: v9}}]\n  - route: [{destination: {host: golden, subset: v1}}]",
    );
    expect((await pair.get("/nowhere")).status).toBe(503);
  });
}
