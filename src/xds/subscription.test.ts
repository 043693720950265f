import { expect, test } from "bun:test";
import { Subscription } from "./subscription.ts";

const NAMES = Array.from({ length: 100 }, (_, i) => `name-${i}`);

function asking(subscribe: readonly string[]): Subscription {
  const subscription = new Subscription("eds");
  subscription.apply({ subscribe, unsubscribe: [], initialVersions: {} });
  return subscription;
}

function apply(subscription: Subscription, subscribe: readonly string[], unsubscribe: readonly string[] = []) {
  return subscription.apply({ subscribe, unsubscribe, initialVersions: {} });
}

class Looked extends Array<string> {
  looks = 0;

  override [Symbol.iterator](): ArrayIterator<string> {
    this.looks++;
    return super[Symbol.iterator]();
  }
}

test("a long list is looked at once, however many ask for what is in it", () => {
  const list = Looked.from(NAMES) as Looked;
  list.looks = 0;
  for (let i = 0; i < 10; i++) {
    const subscription = asking(list);
    expect(subscription.size).toBe(100);
    expect(subscription.wants("name-99")).toBe(true);
  }
  expect(list.looks).toBe(1);
});

test("who asks for more than its list, or less, does so by itself", () => {
  const [one, other, third] = [asking(NAMES), asking(NAMES), asking(NAMES)];
  expect(apply(one, ["more"]).added).toEqual(["more"]);
  expect(apply(other, [], ["name-7", "unknown"]).removed).toEqual(["name-7"]);
  expect([one, other, third].map(({ size }) => size)).toEqual([101, 99, 100]);
  expect([one, other, third].map((each) => each.wants("more"))).toEqual([true, false, false]);
  expect([one, other, third].map((each) => each.wants("name-7"))).toEqual([true, false, true]);
});

test("a long list behind a first one adds to it", () => {
  const subscription = asking(["first"]);
  expect(apply(subscription, NAMES).added).toEqual(NAMES);
  expect(subscription.size).toBe(101);
});

test("collections and everything may stand in a long list", () => {
  const list = [...NAMES, "xdstp://authority/type/collection/*", "*"];
  for (let i = 0; i < 2; i++) {
    const subscription = new Subscription("cds");
    const change = subscription.apply({ subscribe: list, unsubscribe: [], initialVersions: {} });
    expect(change.added).toEqual(NAMES);
    expect(change.addedPrefixes).toEqual(["xdstp://authority/type/collection/"]);
    expect(change.wildcardAdded).toBe(true);
    expect(subscription.wants("xdstp://authority/type/collection/a")).toBe(true);
  }
});

test("of one list it is known for each map by itself whether it is all of it", () => {
  const all = new Map(NAMES.map((name) => [name, {}]));
  const others = new Map([...NAMES.slice(1), "other"].map((name) => [name, {}]));
  const less = new Map(all);
  less.delete("name-3");
  for (let i = 0; i < 2; i++) {
    expect(asking(NAMES).isExactly(all)).toBe(true);
    expect(asking(NAMES).isExactly(others)).toBe(false);
    expect(asking(NAMES).isExactly(less)).toBe(false);
  }
  const subscription = asking(NAMES);
  expect(subscription.isExactly(all)).toBe(true);
  apply(subscription, [], ["name-3"]);
  expect(subscription.isExactly(all)).toBe(false);
  expect(subscription.isExactly(less)).toBe(true);
});
