// One scrape over HTTP: bounded in time and size, because the answer is another process's.

import type { ScrapeTarget } from "./target.ts";

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** The text at a target's URL. Throws with what went wrong in words for the operator. */
export async function fetchExposition(target: ScrapeTarget, signal: AbortSignal): Promise<string> {
  const response = await fetch(target.url, {
    signal,
    redirect: "error",
    headers: { accept: "text/plain;version=0.0.4", "user-agent": "heddle-telemetry" },
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BODY_BYTES) throw new Error(`answered more than ${MAX_BODY_BYTES / 1024 / 1024} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
