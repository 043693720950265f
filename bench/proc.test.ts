import { expect, test } from "bun:test";
import {
  allowedCpus,
  compilerTime,
  cpuTime,
  memory,
  parseCpuList,
  parseSmaps,
  parseStat,
  withChildren,
} from "./proc.ts";

test("ticks become seconds, whatever the process is called", () => {
  const fields = "S 1 1 1 0 -1 4194560 1000 0 0 0 250 75 9 9 20 0 3 0 12345 1000000 500";
  const expected = { userSeconds: 2.5, systemSeconds: 0.75 };
  expect(parseStat(`42 (envoy) ${fields}`)).toEqual(expected);
  expect(parseStat(`42 (a) b (c) ${fields}`)).toEqual(expected);
});

test("private memory is the clean and the dirty pages that no other process maps", () => {
  const text = [
    "55d0a0000000-7ffc00000000 ---p 00000000 00:00 0    [rollup]",
    "Rss:               51200 kB",
    "Pss:               20480 kB",
    "Shared_Clean:      30720 kB",
    "Private_Clean:      1024 kB",
    "Private_Dirty:     10240 kB",
  ].join("\n");
  expect(parseSmaps(text)).toEqual({ residentBytes: 51_200 * 1024, privateBytes: 11_264 * 1024 });
});

test("a missing figure is no figure, not zero", () => {
  expect(parseSmaps("").residentBytes).toBeNaN();
  expect(parseSmaps("Private_Clean: 1 kB").privateBytes).toBeNaN();
});

test("lists of cores have ranges and single cores", () => {
  expect(parseCpuList("0-2,5,8-9\n")).toEqual([0, 1, 2, 5, 8, 9]);
  expect(parseCpuList("3")).toEqual([3]);
});

test.skipIf(process.platform !== "linux")("this process has memory, CPU time and a core", () => {
  const own = memory([process.pid]);
  expect(own.residentBytes).toBeGreaterThan(own.privateBytes);
  expect(own.privateBytes).toBeGreaterThan(0);
  const once = cpuTime([process.pid]);
  expect(cpuTime([process.pid, process.pid]).userSeconds).toBeGreaterThanOrEqual(2 * once.userSeconds);
  expect(allowedCpus().length).toBeGreaterThan(0);
});

test.skipIf(process.platform !== "linux")(
  "compiling is a part of this process's CPU time, and of no other program's",
  async () => {
    const compiling = compilerTime([process.pid]);
    const all = cpuTime([process.pid]);
    expect(compiling.userSeconds).toBeLessThanOrEqual(all.userSeconds);
    const child = Bun.spawn(["sleep", "10"], { stdin: "ignore", stdout: "ignore" });
    expect(compilerTime([child.pid])).toEqual({ userSeconds: 0, systemSeconds: 0 });
    child.kill();
    await child.exited;
  },
);

test.skipIf(process.platform !== "linux")(
  "a process has the children that it started, and only while they live",
  async () => {
    const child = Bun.spawn(["sleep", "10"], { stdin: "ignore", stdout: "ignore" });
    expect(withChildren(process.pid)).toContain(child.pid);
    expect(withChildren(child.pid)).toEqual([child.pid]);
    child.kill();
    await child.exited;
    expect(withChildren(process.pid)).not.toContain(child.pid);
  },
);
