import { expect, test } from "bun:test";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { NOTHING_SAID } from "../agent/bootstrap.ts";
import { drainMsOf, proxyCommand } from "./proxy-command.ts";

const SAID = {
  ...NOTHING_SAID,
  concurrency: 2,
  listenerDrain: durationFromMs(20_000),
  terminationDrain: durationFromMs(15_000),
};

test("a proxy drains as the command line says, else as the mesh does, else for 5 s", () => {
  const heddle = (asked: { readonly drainMs?: number }, start = SAID) => proxyCommand("heddle", asked)(start).join(" ");
  expect(heddle({})).toEndWith("proxy --drain-time 15000ms --listener-drain-time 20000ms --concurrency 2 -c");
  expect(heddle({ drainMs: 300 })).toContain("--drain-time 300ms --listener-drain-time 20000ms");
  expect(proxyCommand("heddle", {})(NOTHING_SAID).join(" ")).toEndWith("proxy --drain-time 5000ms -c");
  expect([drainMsOf({}, SAID), drainMsOf({ drainMs: 0 }, SAID), drainMsOf({}, NOTHING_SAID)]).toEqual([
    15_000, 0, 5_000,
  ]);
});

test("access logs are flushed as the mesh says, by either proxy", () => {
  const said = { ...NOTHING_SAID, logFlushInterval: durationFromMs(250), logFlushMinKb: 0 };
  expect(proxyCommand("heddle", {})(said).join(" ")).toEndWith("--log-flush 250ms --log-flush-kb 0 -c");
  process.env.HEDDLE_ENVOY = "/usr/bin/envoy";
  const envoy = proxyCommand("envoy", {});
  delete process.env.HEDDLE_ENVOY;
  expect(envoy(said).join(" ")).toEndWith("--file-flush-interval-msec 250 --file-flush-min-size-kb 0 -c");
  expect(envoy(NOTHING_SAID).join(" ")).not.toContain("flush");
});
