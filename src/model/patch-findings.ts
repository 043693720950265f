// What can be said of changes to Envoys only with the mesh in view: codes HED1560 to HED1569, sorted and never reused.

import type { Message } from "./message.ts";

/** Names shown of many. */
const SHOWN = 3;

function list(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return more > 0 ? `${names.slice(0, SHOWN).join(", ")} and ${more} more` : names.join(", ");
}

export function notOnHeddle(kind: string, workloads: readonly string[]): Message {
  return {
    code: "HED1560",
    severity: "warning",
    message: `Heddle's proxy takes no ${kind}: it has no effect on ${list(workloads)}`,
    suggestion: "Envoy beside the workload (heddle.dev/proxy: envoy)",
  };
}

export function withoutProxies(kind: string): Message {
  return {
    code: "HED1561",
    severity: "info",
    message: `no proxy of the mesh is chosen by this ${kind}: it has no effect`,
  };
}
