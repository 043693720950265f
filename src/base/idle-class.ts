// The scheduling class of what may wait for everybody else (sched_setscheduler(2), SCHED_IDLE).

import { dlopen, FFIType, ptr } from "bun:ffi";
import { setPriority } from "node:os";

const SCHED_IDLE = 5;
const LOWEST = 19;
/** struct sched_param, of which this class has nothing to say. */
const NO_PRIORITY = new Int32Array(1);

function openLibc() {
  return dlopen("libc.so.6", {
    sched_setscheduler: { args: [FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  }).symbols;
}

/**
 * Gives a process, and every thread that it starts from now on, what others leave of the cores. Whoever else wakes up has the core at once:
 * from a process that is merely nice, Linux takes it no sooner than its slice is over, up to a tick of 4 ms later.
 * @throws Error when there is no such process.
 */
export function runInIdleClass(pid: number): void {
  const isSet = process.platform === "linux" && openLibc().sched_setscheduler(pid, SCHED_IDLE, ptr(NO_PRIORITY)) === 0;
  if (!isSet) setPriority(pid, LOWEST);
}
