import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXAMPLE, FREE_PORTS, Heddle, until } from "./heddle.ts";

const LIMIT_MS = 20_000;
let heddle: Heddle;

beforeEach(() => {
  heddle = new Heddle();
});
afterEach(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

const upOnFreePorts = (...args: string[]) => heddle.call(["up", ...FREE_PORTS, ...args]);

describe("a control plane that cannot start says why, and leaves nothing running", () => {
  for (const port of ["api", "discovery", "metrics", "dashboard"]) {
    test(
      `the ${port} port is in use`,
      async () => {
        const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
        const { code, stderr } = await upOnFreePorts(`--${port}-port`, String(taken.port));
        taken.stop(true);
        expect(code).toBe(1);
        expect(stderr).toContain(`127.0.0.1:${taken.port}`);
        expect(stderr).toMatch(/\n {2}try: .*choose another port/);
      },
      LIMIT_MS,
    );
  }

  test(
    "another control plane has the state folder",
    async () => {
      await heddle.up();
      const { code, stderr } = await upOnFreePorts();
      expect(code).toBe(1);
      expect(stderr).toContain(`cannot use the store ${heddle.state}/store.db: another process uses it`);
      expect(stderr).toContain("try: stop the other process, or use another state folder");
    },
    LIMIT_MS,
  );

  test(
    "the authority's file cannot be read as one",
    async () => {
      mkdirSync(join(heddle.state, "ca"), { recursive: true, mode: 0o700 });
      writeFileSync(join(heddle.state, "ca", "self-signed.json"), "garbage", { mode: 0o600 });
      const { code, stderr } = await upOnFreePorts();
      expect(code).toBe(65);
      expect(stderr).toContain(`cannot use ${heddle.state}/ca/self-signed.json`);
      expect(stderr).toContain("try: restore it from a backup");
      expect(readFileSync(join(heddle.state, "ca", "self-signed.json"), "utf8")).toBe("garbage");
    },
    LIMIT_MS,
  );

  test(
    "the authority's file can be read by everybody",
    async () => {
      const running = await heddle.up();
      running.signal("SIGTERM");
      await running.exited;
      const file = join(heddle.state, "ca", "self-signed.json");
      chmodSync(file, 0o644);
      const { code, stderr } = await upOnFreePorts();
      expect(code).toBe(1);
      expect(stderr).toContain(`private key file ${file} is open to every user`);
      expect(stderr).toContain(`try: chmod 600 ${file}`);
    },
    LIMIT_MS,
  );

  test(
    "the state folder is a file, or the folder of YAML is missing",
    async () => {
      writeFileSync(join(heddle.folder, "file"), "");
      const state = await upOnFreePorts("--state", "file/state");
      expect(state.code).toBe(1);
      expect(state.stderr).toContain("a part of the path is a file, not a folder");
      const config = await upOnFreePorts("--config", "missing");
      expect(config.code).toBe(65);
      expect(config.stderr).toContain("--config missing: there is no such folder");
    },
    LIMIT_MS,
  );
});

/** Only root may make a small disk, and in a container not even that one always. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "heddle-mount-"));
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).success;
  if (mounted) Bun.spawnSync(["umount", folder]);
  rmSync(folder, { recursive: true });
  return mounted;
}

test.skipIf(process.platform !== "linux" || process.getuid?.() !== 0 || !canMount())(
  "a full disk under the state folder refuses the write and keeps what was there",
  async () => {
    const disk = join(heddle.folder, "disk");
    mkdirSync(disk);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", disk]).success).toBe(true);
    try {
      const state = ["--state", join(disk, "state")];
      const running = heddle.start(["up", ...FREE_PORTS, ...state, "-o", "json"]);
      await until(() => running.stdout().includes("\n"));
      const file = join(EXAMPLE, "destinationrule.yaml");
      expect((await heddle.call(["apply", ...state, "-f", file])).code).toBe(0);
      fill(join(disk, "fill"));
      const { code, stderr } = await heddle.call(["apply", ...state, "-f", "-"], { stdin: largeService() });
      expect(code).toBe(1);
      expect(stderr).toContain("the disk is full");
      expect(stderr).toContain("free some space and try again; nothing was changed");
      expect((await heddle.call(["get", ...state, "svc", "-o", "name"])).stdout).toBe("");
      rmSync(join(disk, "fill"));
      expect((await heddle.call(["get", ...state, "dr", "-o", "name"])).stdout).toContain("golden-signal");
      running.signal("SIGTERM");
      await running.exited;
    } finally {
      Bun.spawnSync(["umount", "-l", disk]);
    }
  },
  LIMIT_MS,
);

/** Writes until the disk takes nothing more. */
function fill(path: string): void {
  Bun.spawnSync(["dd", "if=/dev/zero", `of=${path}`, "bs=1k"], { stderr: "ignore" });
}

/** More than a page of the database, so that it needs space of its own. */
function largeService(): string {
  const annotation = "x".repeat(100_000);
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "large", annotations: { note: annotation } },
    spec: { ports: [{ port: 80 }] },
  });
}

test(
  "a signal ends it with 0, and the note of where it is goes with it",
  async () => {
    const running = await heddle.up();
    expect(heddle.note.pid).toBe(running.pid);
    expect(statSync(join(heddle.state, "ca")).mode & 0o777).toBe(0o700);
    running.signal("SIGINT");
    expect(await running.exited).toBe(0);
    expect(() => heddle.note).toThrow();
  },
  LIMIT_MS,
);

test(
  "objects and identities outlive it; a backup brings objects back",
  async () => {
    const first = await heddle.up();
    const { roots } = heddle.note;
    expect((await heddle.call(["apply", "-f", join(EXAMPLE, "destinationrule.yaml")])).code).toBe(0);
    expect((await heddle.call(["backup", "copy.db"])).code).toBe(0);
    expect((await heddle.call(["delete", "dr", "golden-signal"])).code).toBe(0);
    expect((await heddle.call(["restore", "copy.db"])).stderr).toContain("another process uses it");
    expect(await heddle.call(["backup", "copy.db"])).toMatchObject({
      code: 64,
      stderr: "error: the file copy.db exists\n  try: choose another name for the backup\n",
    });
    first.signal("SIGTERM");
    await first.exited;

    const foreign = await heddle.call(["restore", join(EXAMPLE, "README.md")]);
    expect(foreign.code).toBe(65);
    expect(foreign.stderr).toContain("is not a backup of a Heddle store");
    const restored = await heddle.call(["restore", "copy.db"]);
    expect(restored.code).toBe(0);
    await heddle.up();
    expect(heddle.note.roots).toBe(roots);
    expect((await heddle.call(["get", "dr", "-o", "name"])).stdout).toBe(
      "destinationrule.networking.istio.io/golden-signal\n",
    );
  },
  LIMIT_MS,
);

test(
  "a mistake in a watched file is told with its place once, and the last good version stays in force",
  async () => {
    const config = join(heddle.folder, "config");
    cpSync(EXAMPLE, config, { recursive: true, filter: (path) => !/\/demo|\.ts$|\.md$/.test(path) });
    const running = await heddle.up(["--config", config]);
    const file = join(config, "virtualservice.yaml");
    const good = readFileSync(file, "utf8");
    writeFileSync(file, good.replace("weight: 80", "weight: eighty"));
    await until(() => running.stderr().includes("the last good version stays in force"));
    expect(running.stderr()).toContain(`error[HED1102] ${file}:13:19: weight must be a whole number: "eighty"`);
    expect(running.stderr()).toContain("try: a number of at least 0");
    writeFileSync(file, good);
    await until(() => running.stderr().includes("resolved HED1102"));
    expect(running.stderr().split("error[HED1102]").length).toBe(2);
  },
  LIMIT_MS,
);

test(
  "the mesh's settings come from a file and, while it runs, from a ConfigMap, which cannot change the trust domain",
  async () => {
    const wrong = join(heddle.folder, "wrong.yaml");
    writeFileSync(wrong, "trustDomain: prod.example.com\nconnectTimout: 1s\n");
    const refused = await upOnFreePorts("--mesh-config", wrong);
    expect(refused.code).toBe(65);
    expect(refused.stderr).toContain(`${wrong}:2:1: unknown field "connectTimout"`);

    const file = join(heddle.folder, "mesh.yaml");
    writeFileSync(file, "trustDomain: prod.example.com\ningressService: edge\n");
    const twice = await upOnFreePorts("--mesh-config", file, "--trust-domain", "other.example.com");
    expect(twice.code).toBe(65);
    expect(twice.stderr).toContain("error[HED1406]");

    const running = await heddle.up(["--mesh-config", file]);
    expect(running.stderr()).toContain("warning[HED1108]");
    const map = join(heddle.folder, "istio.yaml");
    const config = (mesh: string) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |-\n    ${mesh}\n`;
    writeFileSync(map, config("trustDomain: cluster.local"));
    const changed = await heddle.call(["apply", "-f", map]);
    expect(changed.code).toBe(65);
    expect(changed.stderr).toContain(`${map}:6:18: trustDomain cannot become "cluster.local"`);
    writeFileSync(map, config("trustDomain: prod.example.com"));
    const applied = await heddle.call(["apply", "-f", map]);
    expect(applied).toMatchObject({ code: 0, stderr: "" }); // who applies something else is not told of the settings
    expect((await heddle.call(["analyze", "-A"])).stderr).toContain("warning[HED1108]");
  },
  LIMIT_MS,
);

test(
  "an object of a watched file that is applied, too, has no effect, and whoever applies it is told",
  async () => {
    const config = join(heddle.folder, "files");
    mkdirSync(config);
    cpSync(join(EXAMPLE, "virtualservice.yaml"), join(config, "virtualservice.yaml"));
    const running = await heddle.up(["--config", config]);
    const { code, stderr } = await heddle.call(["apply", "-f", join(EXAMPLE, "virtualservice.yaml")]);
    expect(code).toBe(0);
    expect(stderr).toContain(`warning: the folder ${config} holds an object of this name, which counts`);
    await until(() => running.stderr().includes("warning[HED1027]"));
    expect(running.stderr()).toContain(`${join(config, "virtualservice.yaml")}:`);
    expect((await heddle.call(["get", "vs", "golden-signal", "-o", "json"])).stdout).toContain("heddle.dev/InForce");
    await until(async () => (await heddle.call(["check"])).stdout.includes("objects have warnings"));
  },
  LIMIT_MS,
);

test(
  "it copies by a loop, and ends with the terminal's Ctrl-C as before",
  async () => {
    const running = heddle.inTerminal(["up", ...FREE_PORTS, "-o", "json"]);
    await until(() => running.output().includes("}"));
    const [, pid = ""] = /"pid": ?(\d+)/.exec(running.output()) ?? [];
    const told = process.arch === "x64" ? "GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=" : "";
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toContain(told);
    running.type("\x03");
    expect(await running.exited).toBe(0);
  },
  LIMIT_MS,
);

test(
  "check names what is wrong, and exits with 79 for a fault alone",
  async () => {
    const nothing = await heddle.call(["check", "--server", "http://127.0.0.1:9", "--dashboard", "http://127.0.0.1:9"]);
    expect(nothing.code).toBe(79);
    expect(nothing.stdout).toContain("× the Kubernetes API answers: cannot reach the control plane");
    expect(nothing.stdout).toContain("‼ there is no state folder");
    await heddle.up();
    const fine = await heddle.call(["check"]);
    expect(fine.stdout).toContain("√ keys and objects can be read by nobody else");
    expect(fine.stdout).toContain("‼ no proxy has registered");
    expect(fine.code).toBe(0);
    chmodSync(join(heddle.state, "ca", "self-signed.json"), 0o644);
    const open = await heddle.call(["check", "-o", "json"]);
    expect(open.code).toBe(79);
    const report = JSON.parse(open.stdout) as {
      success: boolean;
      categories: { checks: { result: string; hint?: string }[] }[];
    };
    expect(report.success).toBe(false);
    expect(report.categories[0]!.checks.find(({ result }) => result === "error")?.hint).toStartWith("chmod go= ");
  },
  LIMIT_MS,
);
