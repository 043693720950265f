import { heapStats } from "bun:jsc";
import { json } from "./answer.ts";

/** Envoy's fields (envoy.admin.v3.Memory, 64-bit numbers as strings); JavaScriptCore's heap in place of TCMalloc's. */
export function memory(): Response {
  const { heapSize, heapCapacity, extraMemorySize } = heapStats();
  return json({
    allocated: String(heapSize),
    heap_size: String(heapCapacity),
    pageheap_unmapped: "0",
    pageheap_free: String(Math.max(0, heapCapacity - heapSize)),
    total_thread_cache: String(extraMemorySize),
    total_physical_bytes: String(process.memoryUsage().rss),
  });
}
