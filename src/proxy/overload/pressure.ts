// How much of a resource is used: from 0 to 1, and beyond.

import { readdirSync, readFileSync, statSync } from "node:fs";
import type { ResourceMonitor } from "../../table/overload.ts";

export interface Usage {
  /** Downstream, over all listeners. */
  readonly connections: number;
  /** The longest that the event loop was late since this was asked last. */
  readonly lagMs: number;
}

/** Linux tells the number as the folder's size since 6.2; counting thousands of entries would cost a millisecond. */
function openDescriptors(): number {
  try {
    return statSync("/proc/self/fd").size || readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

/** A file that is not there, or has no number, tells nothing. */
function injected(path: string): number {
  try {
    const value = Number(readFileSync(path, "utf8"));
    return Number.isFinite(value) ? value : 0;
  } catch {
    return 0;
  }
}

export function pressureOf(monitor: ResourceMonitor, { connections, lagMs }: Usage): number {
  switch (monitor.kind) {
    case "memory":
      return process.memoryUsage.rss() / monitor.maxBytes;
    case "injected":
      return injected(monitor.path);
    case "connections":
      return connections / monitor.max;
    case "event-loop-lag":
      return lagMs / monitor.maxMs;
    case "descriptors":
      return openDescriptors() / monitor.max;
  }
}
