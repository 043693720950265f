// What holds when the bootstrap says nothing: that the kernel does not kill the proxy for its memory, where the kernel has a bound.

import { readFileSync } from "node:fs";
import type { OverloadTable, Trigger } from "../../table/overload.ts";

const MEMORY = "memory of the control group";
const REFRESH_MS = 1_000;
const at = (share: number): readonly Trigger[] => [{ monitor: MEMORY, from: share, full: share }];

/** Bytes that this process's control group may have; undefined where there is no bound, or no control groups (version 2). */
function memoryBound(): number | undefined {
  try {
    const group = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "";
    const text = readFileSync(`/sys/fs/cgroup${group === "/" ? "" : group}/memory.max`, "utf8").trim();
    return text === "max" ? undefined : Number(text);
  } catch {
    return undefined;
  }
}

/** Undefined: nothing is bounded, and nothing is watched. Descriptors are bounded where connections are admitted. */
export function defaultOverload(bound: number | undefined = memoryBound()): OverloadTable | undefined {
  if (bound === undefined) return undefined;
  return {
    refreshMs: REFRESH_MS,
    monitors: [{ kind: "memory", name: MEMORY, maxBytes: bound }],
    actions: new Map([
      ["shrink_heap", at(0.8)],
      ["disable_http_keepalive", at(0.9)],
      ["stop_accepting_requests", at(0.95)],
    ]),
    timerFloors: new Map(),
    accountPower: 0,
  };
}
