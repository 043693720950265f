// Agents that are killed: a process of its own, whose children must not outlive it.

import { afterAll, afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-fixture.ts";
import { Watchdog } from "./watchdog.ts";

/** A process that is started, and a shell that looks every tenth of a second, on a machine that does something else. */
const WITHIN_MS = 20_000;
setDefaultTimeout(2 * WITHIN_MS);

const folder = mkdtempSync(join(tmpdir(), "heddle-watchdog-"));
const agents: Bun.Subprocess[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts `body`, which has a watchdog and a way to start shell scripts under it. */
function agent(name: string, body: string): Bun.Subprocess {
  const file = join(folder, `${name}.ts`);
  writeFileSync(
    file,
    `import { Child } from ${JSON.stringify(join(import.meta.dir, "child.ts"))};
     import { Watchdog } from ${JSON.stringify(join(import.meta.dir, "watchdog.ts"))};
     const watchdog = new Watchdog();
     const run = (script) => new Child({
       command: ["sh", "-c", script], env: process.env, output: { file: ${JSON.stringify(join(folder, `${name}.log`))} },
       session: "own", watchdog });
     ${body}
     setInterval(() => {}, 1000);`,
  );
  const started = Bun.spawn([process.execPath, file], { stdio: ["ignore", "ignore", "inherit"] });
  agents.push(started);
  return started;
}

function linesOf(name: string): readonly string[] {
  try {
    return readFileSync(join(folder, `${name}.log`), "utf8")
      .split("\n")
      .filter(Boolean);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const WAIT = "while :; do sleep 0.02; done";

test("its children end when it is killed: the newest first, and the one before it only then", async () => {
  const proxy = `trap 'echo proxy; exit' TERM; echo up $$; ${WAIT}`;
  const application = `trap 'sleep 0.2; echo application; exit' TERM; echo up $$; ${WAIT}`;
  const killed = agent(
    "killed",
    `run(${JSON.stringify(proxy)}); await Bun.sleep(100); run(${JSON.stringify(application)});`,
  );
  await until("the children", () => linesOf("killed").length === 2, WITHIN_MS);
  killed.kill("SIGKILL");
  await until("their ends", () => linesOf("killed").length === 4, WITHIN_MS);
  expect(linesOf("killed").slice(2)).toEqual(["application", "proxy"]);
});

test("one that ended by itself is not sought: its number may be another's", async () => {
  const stranger = Bun.spawn(["sleep", "60"]);
  const killed = agent(
    "stranger",
    `const ended = run("exit 0"); await ended.exited; watchdog.release(${stranger.pid}); run("echo up $$; ${WAIT}");`,
  );
  await until("the other child", () => linesOf("stranger").length === 1, WITHIN_MS);
  killed.kill("SIGKILL");
  const pid = Number(linesOf("stranger")[0]?.split(" ")[1]);
  await until("its end", () => !isAlive(pid), WITHIN_MS);
  expect(isAlive(stranger.pid)).toBe(true);
  stranger.kill();
});

test("a child does not hold the agent's end open, nor do its own children", async () => {
  const killed = agent("heir", `run("echo up $$; sleep 60 & echo heir $!; wait");`);
  await until("the child", () => linesOf("heir").length === 2, WITHIN_MS);
  const [pid, heir] = linesOf("heir").map((line) => Number(line.split(" ")[1]));
  killed.kill("SIGKILL");
  await until("the child's end", () => !isAlive(pid!), WITHIN_MS);
  process.kill(heir!); // the program's own affair
});

test("after its end nothing is started under it", () => {
  const watchdog = new Watchdog();
  watchdog.stop();
  expect(() => watchdog.enrol(["true"])).toThrow("nothing is started any more");
});
