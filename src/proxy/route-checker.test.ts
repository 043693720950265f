import { expect, test } from "bun:test";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import type { Steps } from "../base/steps.ts";
import { RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { RouteChecker } from "./route-checker.ts";

const SELF = [process.execPath, join(import.meta.dir, "..", "main.ts")];

/** A megabyte of names, so that it is copied in more than one step. */
function hosts(domain = "700.example") {
  return Array.from({ length: 1_000 }, (_, i) => ({
    name: `host ${i}`,
    domains: [i === 700 ? domain : `${i}.example`, "x".repeat(1_000) + i],
  }));
}

function routes(domain?: string): Uint8Array {
  const virtualHosts = hosts(domain).map((names) => ({
    ...names,
    routes: [
      {
        match: { pathSpecifier: { case: "prefix", value: "/" } as const },
        action: { case: "directResponse", value: { status: 200 } } as const,
      },
    ],
  }));
  return toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name: "r", virtualHosts }));
}

async function outcome<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await value;
  }
}

test("another process finds what is wrong, by the field's path", async () => {
  const checker = new RouteChecker(SELF);
  expect(await outcome(checker.check("r", routes()))).toEqual({ rejections: [], hosts: hosts() });
  expect(await outcome(checker.check("r", routes("3.example")))).toEqual({
    rejections: [{ path: "virtual_hosts", reason: expect.stringContaining("3.example") }],
    hosts: [],
  });
  const reason = expect.stringContaining("is not a valid envoy.config.route.v3.RouteConfiguration");
  expect(await outcome(checker.check("r", Uint8Array.of(0xff)))).toEqual({
    rejections: [{ path: "", reason }],
    hosts: [],
  });
});

test("a process that does not answer, or does not start, finds nothing out", async () => {
  expect(await outcome(new RouteChecker(["false"]).check("r", routes()))).toBeUndefined();
  expect(await outcome(new RouteChecker(["/nowhere/heddle"]).check("r", routes()))).toBeUndefined();
});

test.skipIf(process.platform !== "linux")("the process has what others leave of the cores", async () => {
  // Field 41 of /proc/PID/stat: the class, 5 is SCHED_IDLE.
  const script = `until [ "$(cut -d' ' -f41 /proc/$$/stat)" = 5 ]; do sleep 0.01; done; printf '[]'`;
  expect(await outcome(new RouteChecker(["sh", "-c", script]).check("r", routes()))).toEqual({
    rejections: [],
    hosts: [],
  });
});

/** Up to where it waits. */
function begun(steps: Steps<unknown>): Promise<void> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) throw new Error("it did not wait");
    if (value) return value;
  }
}

test("a process that nobody waits for any more is ended", async () => {
  const steps = new RouteChecker(["sh", "-c", "exec sleep 60"]).check("r", routes());
  const outputEnds = begun(steps);
  steps.return(undefined);
  await outputEnds;
});
