import { expect, test } from "bun:test";
import { join } from "node:path";
import { runTool } from "./run-tool.ts";

const isRoot = process.platform === "linux" && process.geteuid?.() === 0;
const MODULE = JSON.stringify(join(import.meta.dir, "capture-tools.ts"));
const PRINT = `
  const {captureTools} = await import(${MODULE});
  try { captureTools(); console.log("fine") } catch (error) { console.log(error.message + "; " + error.hint) }`;

test("without root, it is said what is needed and what works instead", () => {
  // As nobody; who runs the tests may be nobody already.
  const script = `${isRoot ? "process.setgroups([]); process.setegid(65534); process.seteuid(65534);" : ""}${PRINT}`;
  const output = Bun.spawnSync([process.execPath, "-e", script]).stdout.toString();
  if (process.platform === "linux") expect(output).toContain("--capture needs root");
  expect(output).toContain("http_proxy");
  expect(output).toContain("--upstream");
});

test.skipIf(!isRoot)("what is not installed is named with its package", () => {
  const script = `Bun.which = () => null;${PRINT}`;
  const output = Bun.spawnSync([process.execPath, "-e", script]).stdout.toString();
  expect(output).toContain("ip, iptables-restore, setpriv");
  expect(output).toContain("iproute2 iptables util-linux");
});

test("a program that fails is reported with its words", () => {
  expect(runTool(["cat"], "text")).toBe("text");
  expect(() => runTool(["sh", "-c", "echo it is broken >&2; exit 3"])).toThrow("failed: it is broken");
});
