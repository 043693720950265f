// A process that gives memory back for the first time when its code has been compiled, and goes on.

import { freeMemory } from "./memory.ts";

function look(bytes: Uint8Array, at: number): number {
  return bytes.subarray(at, at + 4).length + bytes.length;
}

const bytes = new Uint8Array(100);
let sum = 0;
const run = () => {
  for (let i = 0; i < 200_000; i++) sum += look(bytes, i & 63);
};

run();
run();
console.error("freed");
freeMemory(new Uint8Array(100_000));
run();
run();
console.error(sum);
