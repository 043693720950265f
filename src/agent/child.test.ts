import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { until } from "../base/until-fixture.ts";
import { Child, exitCodeOf } from "./child.ts";
import { Watchdog } from "./watchdog.ts";

const folder = mkdtempSync(join(tmpdir(), "heddle-child-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const watchdog = new Watchdog();
afterAll(() => watchdog.stop());
const options = { env: process.env, session: "own", watchdog } as const;
const run = (script: string, file: string) =>
  new Child({ ...options, command: ["sh", "-c", script], output: { file: join(folder, file) } });

test("both outputs go to one file in their order, behind those of the process before, for this user's eyes", async () => {
  await run("echo one; echo two >&2; echo three", "log").exited;
  await run("echo four", "log").exited;
  expect(readFileSync(join(folder, "log"), "utf8")).toBe("one\ntwo\nthree\nfour\n");
  expect(statSync(join(folder, "log")).mode & 0o777).toBe(0o600);
});

test("the exit code is the process's, or a shell's for the signal that ended it", async () => {
  expect(exitCodeOf(await run("exit 7", "exit").exited)).toBe(7);
  for (const [signal, code] of [
    ["SIGKILL", 137],
    ["SIGTERM", 143],
    ["SIGUSR1", 138],
    ["SIGPIPE", 141],
  ] as const)
    expect(exitCodeOf(await run(`kill -${signal.slice(3)} $$`, "exit").exited)).toBe(code);
});

test("a process that ignores SIGTERM is killed after its grace", async () => {
  const child = run("trap '' TERM; echo ready; while :; do sleep 0.02; done", "stubborn");
  await until("the trap", () => readFileSync(join(folder, "stubborn"), "utf8") === "ready\n");
  expect(exitCodeOf(await child.end(30))).toBe(137);
});

test("a program that does not exist is a Failure that names it", () => {
  const start = () => new Child({ ...options, command: ["/no/such/program"], output: "inherit" });
  expect(start).toThrow(Failure);
  expect(start).toThrow("cannot start /no/such/program");
});
