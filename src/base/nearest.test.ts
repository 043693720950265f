import { describe, expect, test } from "bun:test";
import { nearestHost } from "./nearest.ts";

const SUFFIX = ".svc.cluster.local";
const in_ = (namespace: string, ...names: readonly string[]) => names.map((name) => `${name}.${namespace}${SUFFIX}`);

describe("the host that was meant", () => {
  const hosts = [
    ...in_("shop", "reviews", "ratings", "web", "api"),
    ...in_("prod", "orders", "web2"),
    "api.example.com",
  ];
  test.each([
    ["a letter too few", `reviws.shop${SUFFIX}`, `reviews.shop${SUFFIX}`],
    ["another word of the same namespace", `elsewhere.shop${SUFFIX}`, undefined],
    ["a short word", `db.shop${SUFFIX}`, undefined],
    ["the namespace", `reviews.shpo${SUFFIX}`, `reviews.shop${SUFFIX}`],
    ["a namespace without it", `orders.shop${SUFFIX}`, `orders.prod${SUFFIX}`],
    ["a name and its namespace", `ordrs.prd${SUFFIX}`, `orders.prod${SUFFIX}`],
    ["the domain", "reviews.shop.svc.cluster.locl", `reviews.shop${SUFFIX}`],
    ["a host outside", "apis.example.com", "api.example.com"],
    ["another host of the domain", "billing.example.com", undefined],
    ["capitals", `Reviews.shop${SUFFIX}`, `reviews.shop${SUFFIX}`],
  ])("%s", (_, host, expected) => {
    expect(nearestHost(host, hosts)).toBe(expected);
  });

  test("where several namespaces have the name, none is guessed", () => {
    expect(nearestHost(`reviews.test${SUFFIX}`, in_("production", "reviews"))).toBe(`reviews.production${SUFFIX}`);
    const two = [...in_("production", "reviews"), ...in_("staging-eu", "reviews")];
    expect(nearestHost(`reviews.test${SUFFIX}`, two)).toBeUndefined();
  });
});
