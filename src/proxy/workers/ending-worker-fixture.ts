// A worker of a supervisor under test that ends when it is asked for its statistics, as a restart may have it: first it tells the last of
// them, then, once they are kept, it either answers with older ones or is gone without an answer. One that is deaf answers, and has nothing
// to do with its supervisor from then on.

import type { FromWorker, ToWorker } from "./messages.ts";

const [, , way] = process.argv;

function exposition(count: number): string {
  return `# HELP a_total a\n# TYPE a_total counter\na_total ${count}\n`;
}

function tell(message: FromWorker): void {
  process.send?.(message);
}

let isDraining = false;
const kept = Promise.withResolvers<void>();

async function statistics(): Promise<Response> {
  if (way === "deaf") {
    process.disconnect?.();
    return new Response(exposition(3));
  }
  tell({ kind: "last", exposition: exposition(7) });
  await kept.promise;
  if (way === "silent") process.exit(0);
  setTimeout(() => process.exit(0), 100); // the answer is written first
  return new Response(exposition(3));
}

if (way !== "deaf") process.on("disconnect", () => process.exit(1));
process.on("message", (message: ToWorker) => {
  if (message.kind === "start")
    Bun.serve({
      unix: message.admin,
      fetch: ({ url }) => (new URL(url).pathname === "/ready" ? new Response("LIVE\n") : statistics()),
    });
  else if (message.kind === "drain") {
    isDraining = true;
    tell({ kind: "last", exposition: "" });
  } else if (message.kind === "end") {
    kept.resolve();
    if (isDraining) process.exit(0);
  }
});
tell({ kind: "hello" });
