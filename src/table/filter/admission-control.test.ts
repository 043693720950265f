import { expect, test } from "bun:test";
import { type AdmissionControlFilter, rejectionProbability } from "./admission-control.ts";

const FILTER: AdmissionControlFilter = {
  kind: "admission-control",
  enabled: true,
  httpSuccess: [],
  grpcSuccess: new Set(),
  windowMs: 30_000,
  aggression: 1,
  threshold: 0.5,
  minRequestsPerSecond: 0,
  maxRejection: 0.8,
};

test("nobody is refused as long as enough succeed, and the more the more fail, up to the most", () => {
  expect(rejectionProbability(FILTER, 0, 0)).toBe(0);
  expect(rejectionProbability(FILTER, 99, 50)).toBe(0);
  expect(rejectionProbability(FILTER, 99, 99)).toBe(0);
  expect(rejectionProbability(FILTER, 99, 25)).toBeCloseTo(0.49);
  expect(rejectionProbability(FILTER, 99, 0)).toBe(0.8);
  expect(rejectionProbability({ ...FILTER, aggression: 2 }, 99, 37)).toBeCloseTo(0.5);
  expect(rejectionProbability({ ...FILTER, aggression: 2 }, 99, 99)).toBe(0);
});
