import { expect, test } from "bun:test";
import { sumHostLines } from "./host-lines.ts";

test("counts of hosts add up; limits, weights and health are everybody's", () => {
  const lines = (total: number, active: number) =>
    `c::default_priority::max_connections::7\nc::[::1]:80::cx_total::${total}\nc::[::1]:80::rq_active::${active}\nc::[::1]:80::weight::3\n`;
  expect(sumHostLines([lines(2, 0), lines(3, 1), lines(5, 0)])).toBe(lines(10, 1));
  expect(sumHostLines([lines(2, 1)])).toBe(lines(2, 1));
});
