// What capture does to the machine: what it adds, and that it takes all of it away. Runs where capture.test.ts starts it.

import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Capture } from "../../src/agent/capture.ts";
import { MACHINE_ADDRESS, OTHER_HOST, OTHER_HOST_NAMESPACE, startOtherHost } from "./own-machine.ts";

setDefaultTimeout(30_000);

const SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin";
const FORWARD = "/proc/sys/net/ipv4/ip_forward";

function run(...command: string[]): string {
  return Bun.spawnSync(command, {
    env: { ...process.env, PATH: `${process.env.PATH}:${SYSTEM_PATH}` },
  }).stdout.toString();
}

/** Rules of both kinds without counters, and what forwards. */
function machine(): string {
  const rules = ["iptables-nft-save", "iptables-legacy-save"].filter(has).map((save) => run(save));
  // A table that was looked at is there, and empty.
  const said = rules
    .join("\n")
    .split("\n")
    .filter((line) => /^-A|^:.* -$|^:\S+ DROP/.test(line.replace(/ \[.*/, "")));
  return [
    ...said,
    readFileSync(FORWARD, "utf8"),
    readFileSync("/proc/sys/net/ipv4/conf/uplink/forwarding", "utf8"),
  ].join("\n");
}

function has(program: string): boolean {
  return Bun.which(program, { PATH: SYSTEM_PATH }) !== null;
}

const namespaces = () => run("ip", "netns", "list");

/** As the proxy does, whose connections are not captured. */
const GO_OUT = ["setpriv", "--regid", "1337", "--clear-groups", "curl", "--silent", "--max-time", "5"];

const MODULE = JSON.stringify(join(import.meta.dir, "../../src/agent/capture.ts"));

/** In a process of its own, because the programs are looked for once: what comes back from the other host, and the rules meanwhile. */
function captureWith(path: string): { readonly answer: string; readonly filters: string } {
  const script = `
    const {Capture} = await import(${MODULE});
    const capture = Capture.open({name: "one", namespace: "default", openPorts: [15020]});
    const out = Bun.spawnSync(capture.application(${JSON.stringify([...GO_OUT, `http://${OTHER_HOST}:8888/`])}));
    const filters = ["nft", "legacy"].filter((kind) =>
      Bun.spawnSync(["sh", "-c", "iptables-" + kind + "-save 2>/dev/null"]).stdout.toString().includes("-A HEDDLE-POSTROUTING"));
    capture.close();
    console.log(JSON.stringify({answer: out.stdout.toString(), filters: filters.join()}));`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script], {
    env: { ...process.env, PATH: `${path}:${process.env.PATH}:${SYSTEM_PATH}` },
  });
  expect(stdout.toString(), stderr.toString()).toStartWith("{");
  return JSON.parse(stdout.toString());
}

let otherHost: Bun.Subprocess;
let folder: string;
beforeAll(async () => {
  otherHost = await startOtherHost();
  folder = mkdtempSync(join(tmpdir(), "heddle-programs-"));
});
afterAll(() => {
  otherHost.kill();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  writeFileSync(FORWARD, "0");
  for (const iptables of ["iptables-nft", "iptables-legacy"].filter(has)) {
    run(iptables, "-P", "FORWARD", "ACCEPT");
    run(iptables, "-F", "FORWARD");
  }
});

/** A folder in which `iptables` is another program. */
function withIptables(name: string, program: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const tool of ["iptables", "iptables-restore"]) symlinkSync(program, join(path, tool));
  return path;
}

for (const kind of ["nft", "legacy"]) {
  const multi = Bun.which(`xtables-${kind}-multi`, { PATH: SYSTEM_PATH });
  test.skipIf(multi === null)(`the way out is made with iptables-${kind}, and nothing of it stays`, () => {
    const before = machine();
    const { answer, filters } = captureWith(withIptables(kind, multi!));
    expect(JSON.parse(answer).from).toBe(MACHINE_ADDRESS);
    expect(filters).toBe(kind);
    expect(machine()).toBe(before);
  });
}

test.skipIf(!has("iptables-nft"))("where the distribution's iptables does not work, another does", () => {
  const before = machine();
  const { answer } = captureWith(withIptables("broken", "/bin/false"));
  expect(JSON.parse(answer).from).toBe(MACHINE_ADDRESS);
  expect(machine()).toBe(before);
});

test("the machine's own rules are left alone, and come first", () => {
  run("iptables", "-P", "FORWARD", "DROP");
  run("iptables", "-A", "FORWARD", "-d", OTHER_HOST, "-p", "tcp", "--dport", "80", "-j", "REJECT");
  const before = machine();
  const capture = Capture.open({ name: "two", namespace: "default", openPorts: [] });
  try {
    expect(run(...capture.application([...GO_OUT, `http://${OTHER_HOST}:8888/`]))).toContain(MACHINE_ADDRESS);
    expect(run(...capture.application([...GO_OUT, `http://${OTHER_HOST}:80/`]))).toBe("");
  } finally {
    capture.close();
  }
  expect(machine()).toBe(before);
});

test("a machine that is no router does not become one for its neighbours", () => {
  const capture = Capture.open({ name: "three", namespace: "default", openPorts: [7777] });
  const inside = capture.enter(() => Bun.listen({ hostname: "0.0.0.0", port: 7777, socket: { data() {} } }));
  run("ip", "-netns", OTHER_HOST_NAMESPACE, "route", "add", "10.0.0.0/8", "via", MACHINE_ADDRESS);
  const comesIn = () => run("ip", "netns", "exec", OTHER_HOST_NAMESPACE, ...CONNECT, `${capture.address}/7777`).trim();
  try {
    expect(readFileSync(FORWARD, "utf8").trim()).toBe("0");
    expect(comesIn()).toBe("no");
    // The way is there: only the rule is in it.
    run("iptables", "-F", "HEDDLE-FORWARD");
    expect(comesIn()).toBe("yes");
  } finally {
    run("ip", "-netns", OTHER_HOST_NAMESPACE, "route", "delete", "10.0.0.0/8");
    inside.stop(true);
    capture.close();
  }
});
const CONNECT = ["bash", "-c", 'timeout 2 bash -c "exec 3<>/dev/tcp/$0" 2>/dev/null && echo yes || echo no'];

test("forwarding that somebody else has come to rely on stays", () => {
  const capture = Capture.open({ name: "four", namespace: "default", openPorts: [] });
  writeFileSync(FORWARD, "1");
  capture.close();
  expect(readFileSync(FORWARD, "utf8").trim()).toBe("1");
  expect(readFileSync("/proc/sys/net/ipv4/conf/uplink/forwarding", "utf8").trim()).toBe("1");
});

test("what a killed process left behind is taken away by the next one", async () => {
  const before = machine();
  const script = `
    const {Capture} = await import(${MODULE});
    const capture = Capture.open({name: "killed", namespace: "default", openPorts: []});
    Bun.spawn([...capture.application(["sleep", "300"])]);
    process.kill(process.pid, "SIGKILL");`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "ignore" });
  await child.exited;
  expect(namespaces()).toContain("heddle-killed");
  expect(machine()).toContain("HEDDLE-POSTROUTING");
  const capture = Capture.open({ name: "next", namespace: "default", openPorts: [] });
  try {
    expect(namespaces()).not.toContain("heddle-killed");
    expect(existsSync("/etc/netns/heddle-killed")).toBe(false);
  } finally {
    capture.close();
  }
  expect(namespaces()).not.toContain("heddle-next");
  expect(machine()).toBe(before);
});
