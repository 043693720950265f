// That the statistics of a worker are in the sum whatever moment it ends at, with workers that end at the worst, and that none of them takes
// its supervisor with it.

import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { until } from "../../base/until-fixture.ts";
import { BootstrapSchema } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { Supervisor } from "./supervisor.ts";
import type { WorkerProcess } from "./worker-process.ts";

const WORKER = join(import.meta.dir, "ending-worker-fixture.ts");
const open: Supervisor[] = [];

afterEach(async () => {
  for (const supervisor of open.splice(0)) await supervisor.stop();
});

async function supervised(way: string, drainMs: number): Promise<readonly [Supervisor, WorkerProcess]> {
  const command = [process.execPath, WORKER, way];
  const bootstrap = create(BootstrapSchema, { node: { id: "test" } });
  const supervisor = new Supervisor({ bootstrap, version: "test", workers: 1, command, drainMs });
  open.push(supervisor);
  const worker = await until("the worker is ready", async () => {
    const [first] = supervisor.serving;
    return (await first?.isReady()) ? first : undefined;
  });
  return [supervisor, worker];
}

test.each(["silent", "late"])(
  "a worker that ends while it is asked for its statistics is in their sum, then and afterwards (%s)",
  async (way) => {
    const [supervisor, worker] = await supervised(way, 500);
    const during = await supervisor.sum();
    expect(during.text("text")).toContain("a_total 7\n");
    await until("the worker is gone", () => worker.state === "gone");
    // Another is in its place by now, which has 7 as well when it is asked.
    const after = await supervisor.sum();
    expect(after.text("text")).toMatch(/^a_total (7|14)$/m);
  },
);

test("a worker whose channel closes before its process has ended is told nothing more, and ends with the others", async () => {
  const [supervisor, worker] = await supervised("deaf", 0);
  expect((await supervisor.sum()).text("text")).toContain("a_total 3\n");
  await supervisor.stop();
  expect(worker.state).toBe("gone");
});
