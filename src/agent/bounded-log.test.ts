import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-fixture.ts";
import { BoundedLog } from "./bounded-log.ts";
import { Child } from "./child.ts";
import { Watchdog } from "./watchdog.ts";

const MAX_BYTES = 1_000;
let folder: string;
let path: string;
const watchdog = new Watchdog();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-log-"));
  path = join(folder, "proxy.log");
});
afterAll(() => watchdog.stop());
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);

test("what grew too long becomes the one predecessor; no line is lost between them, and it is for this user's eyes", () => {
  const bounded = new BoundedLog(path, MAX_BYTES);
  for (let i = 0; i < 1_000; i++) {
    appendFileSync(path, `line ${i}\n`, { mode: 0o600 });
    bounded.look();
    expect(statSync(path).size).toBeLessThanOrEqual(MAX_BYTES);
  }
  bounded.stop();
  const lines = [...linesOf(`${path}.1`), ...linesOf(path)];
  expect(lines.at(-1)).toBe("line 999");
  const first = Number(lines[0]?.slice(5));
  expect(lines).toEqual(Array.from({ length: 1_000 - first }, (_, i) => `line ${first + i}`));
  expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(MAX_BYTES + 10);
  expect(statSync(`${path}.1`).mode & 0o777).toBe(0o600);
});

test("a process that goes on writing writes at the beginning, and both its outputs do", async () => {
  const script = "echo 1; echo 2 >&2; read -r _ < gate; echo 3; echo 4 >&2";
  Bun.spawnSync(["mkfifo", join(folder, "gate")]);
  const child = new Child({
    command: ["sh", "-c", `cd ${folder}; ${script}`],
    env: process.env,
    output: { file: path },
    session: "own",
    watchdog,
  });
  await until("its first lines", () => linesOf(path).length === 2);
  const bounded = new BoundedLog(path, 1);
  bounded.look();
  bounded.stop();
  expect(statSync(path).size).toBe(0);
  appendFileSync(join(folder, "gate"), "\n");
  await child.exited;
  expect([linesOf(`${path}.1`), linesOf(path)]).toEqual([
    ["1", "2"],
    ["3", "4"],
  ]);
});

test("a log that is not there, or that is a folder, harms nobody", () => {
  new BoundedLog(path, MAX_BYTES).stop();
  const nothing = new BoundedLog(join(folder, "none"), MAX_BYTES);
  nothing.look();
  nothing.stop();
  expect(existsSync(join(folder, "none.1"))).toBe(false);
});
