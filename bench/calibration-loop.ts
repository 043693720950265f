// A process that does the same work over and over and prints how long each took, on the clock and on the CPU: `[[wallMs, cpuMs], …]`.

import type { LoopSample } from "./noise.ts";

const SAMPLES = 10;
const WARM_UP = 2;
/** About 25 ms of work: longer than the scheduler's slices, so that a competitor shows in every sample. */
const STEPS = 8_000_000;

function work(): number {
  let state = 1;
  for (let i = 0; i < STEPS; i++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return state;
}

const samples: LoopSample[] = [];
let checksum = 0;
for (let i = 0; i < SAMPLES + WARM_UP; i++) {
  const cpu = process.cpuUsage();
  const wall = performance.now();
  checksum ^= work();
  const wallMs = performance.now() - wall;
  const { user, system } = process.cpuUsage(cpu);
  if (i >= WARM_UP) samples.push([wallMs, (user + system) / 1_000]);
}
// The sum is used, so that no compiler leaves the work out.
if (checksum === Number.NEGATIVE_INFINITY) samples.length = 0;
console.log(JSON.stringify(samples));
