import { expect, test } from "bun:test";
import type { BalancerPolicy } from "../../table/cluster.ts";
import { createBalancer } from "./balancer.ts";
import type { Candidate } from "./candidate.ts";

function counts(policy: BalancerPolicy, hosts: readonly Candidate[], rounds: number): number[] {
  const balancer = createBalancer(policy);
  const result = hosts.map(() => 0);
  for (let i = 0; i < rounds; i++) result[hosts.indexOf(balancer.choose(hosts))]!++;
  return result;
}

const host = (weight: number, active = 0): Candidate => ({ weight, active });

test("round robin takes turns exactly", () => {
  expect(counts({ kind: "round-robin" }, [host(1), host(1), host(1)], 300)).toEqual([100, 100, 100]);
});

test("round robin gives each host its weight, spread out", () => {
  const hosts = [host(3), host(1)];
  expect(counts({ kind: "round-robin" }, hosts, 400)).toEqual([300, 100]);
  const balancer = createBalancer({ kind: "round-robin" });
  const order = Array.from({ length: 8 }, () => hosts.indexOf(balancer.choose(hosts)));
  expect(order.join("")).not.toContain("0000");
});

test.each([{ kind: "random" }, { kind: "least-request", choices: 2 }] as const)(
  "$kind follows the weights within 3 points",
  (policy) => {
    const [first, second] = counts(policy, [host(80), host(20)], 20_000);
    const share = (100 * first!) / (first! + second!);
    // Least request draws two and compares by load per weight: with no load both are equal and the first draw wins.
    expect(Math.abs(share - 80)).toBeLessThan(3);
  },
);

test("least request avoids the busy host", () => {
  const [busy, idle] = counts({ kind: "least-request", choices: 2 }, [host(1, 50), host(1, 0)], 4_000);
  // The busy one is taken only when it is drawn twice: one time in four.
  expect(busy! / (busy! + idle!)).toBeLessThan(0.3);
});

test("one host takes all, without a draw", () => {
  for (const policy of [{ kind: "random" }, { kind: "round-robin" }, { kind: "least-request", choices: 2 }] as const) {
    expect(counts(policy, [host(7)], 5)).toEqual([5]);
  }
});
