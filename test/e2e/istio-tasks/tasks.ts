// How a group of Istio's tasks is declared: one mesh for each arrangement of proxies, and a case for each page, which leaves nothing behind.

import { afterAll, afterEach, beforeAll, describe, setDefaultTimeout } from "bun:test";
import { ARRANGEMENTS, Lab } from "./lab.ts";

const START_MS = 60_000;
const TASK_MS = 30_000;

/** `body` declares what stands, in `beforeAll` of its own, and the cases. */
export function tasks(group: string, body: (lab: Lab) => void): void {
  setDefaultTimeout(TASK_MS);
  for (const arrangement of ARRANGEMENTS)
    describe(`${group}, ${arrangement}`, () => {
      const lab = new Lab(arrangement);
      beforeAll(() => lab.start(), START_MS);
      afterAll(() => lab.stop(), START_MS);
      afterEach(() => lab.forget());
      body(lab);
    });
}

/**
 * The least and the most of `count` that `share` leaves likely: a fair coin of that side falls outside in one run of a million (exact
 * binomial tails).
 */
export function likely(count: number, share: number): readonly [least: number, most: number] {
  const half = 5e-7;
  const terms: number[] = [];
  for (let k = 0; k <= count; k++) {
    let log = 0;
    for (let i = 0; i < k; i++) log += Math.log(((count - i) / (i + 1)) * share);
    terms.push(Math.exp(log + (count - k) * Math.log(1 - share)));
  }
  return [tail(terms, half), count - tail(terms.toReversed(), half)];
}

/** As many from the front as stay below `limit` together. */
function tail(terms: readonly number[], limit: number): number {
  let [sum, k] = [0, 0];
  while (sum + terms[k]! < limit) sum += terms[k++]!;
  return k;
}
