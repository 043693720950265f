import { expect, test } from "bun:test";
import { freeAddress, freeRange } from "./capture-bridge.ts";

test("the range is the first that no route leads to", () => {
  expect(freeRange([])).toBe("10.231");
  expect(freeRange(["192.168.1.0/24", "10.0.0.0/9"])).toBe("10.231");
  expect(freeRange(["10.231.0.0/30"])).toBe("10.232");
  expect(freeRange(["10.231.7.9", "10.232.0.0/15"])).toBe("10.234");
  expect(freeRange(["10.0.0.0/8"])).toBe("172.20");
  expect(() => freeRange(["10.0.0.0/8", "172.16.0.0/12"])).toThrow("no private address range is free");
});

test("addresses are unique, and neither the network's nor the bridge's", () => {
  const taken = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    const address = freeAddress("10.231", `pod-${i % 10}`, taken);
    expect(address).toMatch(/^10\.231\.\d{1,3}\.\d{1,3}$/);
    expect(["10.231.0.0", "10.231.0.1", "10.231.255.255"]).not.toContain(address);
    taken.add(address);
  }
  expect(taken.size).toBe(2_000);
});
