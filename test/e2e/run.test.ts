import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { FREE_SIDECAR_PORTS, Heddle, processesWith, type Running, until } from "./heddle.ts";

const LIMIT_MS = 30_000;
const heddle = new Heddle();
const PROXIES: readonly ProxyKind[] = findComponent("envoy") === undefined ? ["heddle"] : ["heddle", "envoy"];
if (process.env.CI === "true" && PROXIES.length < 2) throw new Error("tests of heddle run need envoy");

beforeAll(() => heddle.up(), LIMIT_MS);
afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

/** A program by its text, run under a name of its own. */
function script(name: string, text: string): string {
  const file = join(heddle.folder, `${name}.ts`);
  writeFileSync(file, text);
  return file;
}

function runArgs(name: string, options: readonly string[], program: readonly string[]): readonly string[] {
  return ["run", "--name", name, "--drain-time", "0s", ...FREE_SIDECAR_PORTS, ...options, "--", ...program];
}

async function pods(): Promise<string> {
  return (await heddle.call(["get", "pods", "-o", "name"])).stdout;
}

function isReady(name: string): Promise<boolean> {
  return heddle.call(["get", "pods"]).then(({ stdout }) => new RegExp(`^${name}-\\S+ +1/1`, "m").test(stdout));
}

describe("heddle run", () => {
  test(
    "exits with the program's code, hands its output through, and takes the registration away",
    async () => {
      const program = ["sh", "-c", "echo out; echo err >&2; exit 7"];
      const { code, stdout, stderr } = await heddle.call(runArgs("seven", [], program));
      expect({ code, stdout, stderr }).toEqual({ code: 7, stdout: "out\n", stderr: "err\n" });
      expect(await pods()).not.toContain("seven");
      expect(readdirSync(join(heddle.state, "sidecars")).filter((name) => name.startsWith("seven"))).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "a program that a signal ended gives 128 and the signal's number",
    async () => {
      const { code } = await heddle.call(runArgs("killed", [], ["sh", "-c", "kill -TERM $$"]));
      expect(code).toBe(143);
    },
    LIMIT_MS,
  );

  test(
    "tells the program its port and its way into the mesh, and keeps its token to itself",
    async () => {
      const options = ["--port", "18080", "--forward-proxy-port", "0", "--upstream", "29191=golden-signal:80"];
      const { stdout: token } = await heddle.call(["token", "--ttl", "1m"]);
      const { stdout } = await heddle.call(runArgs("told", options, ["env"]), {
        env: { HEDDLE_TOKEN: token.trim(), no_proxy: "example.com" },
      });
      const env = new Map(stdout.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
      expect(env.get("PORT")).toBe("18080");
      expect(env.get("http_proxy")).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      for (const name of ["HTTP_PROXY", "https_proxy", "HTTPS_PROXY"])
        expect(env.get(name)).toBe(env.get("http_proxy"));
      expect(env.get("no_proxy")).toBe("example.com,localhost,127.0.0.1,::1");
      expect(env.has("HEDDLE_TOKEN")).toBe(false);
    },
    LIMIT_MS,
  );

  test(
    "a signal goes to the program, which decides",
    async () => {
      const file = script(
        "stubborn",
        `process.on("SIGTERM", () => { console.log("asked"); setTimeout(() => process.exit(5), 50); });
         process.on("SIGUSR1", () => console.log("usr1"));
         setInterval(() => {}, 1000); console.log("up");`,
      );
      const running = heddle.start(runArgs("stubborn", [], [process.execPath, file]));
      await until(() => running.stdout().includes("up"));
      running.signal("SIGUSR1");
      await until(() => running.stdout().includes("usr1"));
      running.signal("SIGTERM");
      expect(await running.exited).toBe(5);
      expect(running.stdout()).toContain("asked");
    },
    LIMIT_MS,
  );

  test(
    "the workload is ready once the program listens, not before",
    async () => {
      const file = script(
        "late",
        `process.on("SIGUSR1", () => Bun.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT), fetch: () => new Response("ok") }));
         setInterval(() => {}, 1000); console.log("up");`,
      );
      const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const port = String(free.port);
      free.stop(true);
      const running = heddle.start(runArgs("late", ["--port", port], [process.execPath, file]));
      await until(() => running.stdout().includes("up"));
      expect(await isReady("late")).toBe(false);
      running.signal("SIGUSR1");
      await until(() => isReady("late"));
      await end(running);
    },
    LIMIT_MS,
  );

  test(
    "a registration that somebody deleted comes back while the program runs",
    async () => {
      const running = heddle.start(runArgs("kept", [], ["sleep", "60"]));
      await until(() => isReady("kept"));
      const [pod] = (await pods()).split("\n").filter((name) => name.includes("kept"));
      expect((await heddle.call(["delete", "pod", pod!.replace("pod/", "")])).code).toBe(0);
      await until(() => isReady("kept"));
      await end(running);
    },
    LIMIT_MS,
  );

  test(
    "a port that was asked for and is taken is refused; one that was not gives way",
    async () => {
      const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const port = String(taken.port);
      const refused = await heddle.call(["run", "--name", "taken", "--mesh-port", port, "--", "true"]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toBe(
        `error: --mesh-port: port ${port} is in use\n  try: choose another port, 0 for any free one, or stop the program that uses it\n`,
      );
      const upstream = await heddle.call(runArgs("taken", ["--upstream", `${port}=golden-signal:80`], ["true"]));
      expect(upstream.stderr).toContain(`--upstream: port ${port} is in use`);
      expect(await pods()).not.toContain("taken");
      taken.stop(true);
    },
    LIMIT_MS,
  );

  test(
    "a program that does not exist, a remote control plane without a token, and one of another mesh are refused",
    async () => {
      const missing = await heddle.call(["run", "--name", "web", "--", "/no/such/program"]);
      expect(missing).toEqual({
        code: 1,
        stdout: "",
        stderr: "error: there is no program /no/such/program\n  try: is it installed, on the PATH, and executable?\n",
      });
      const { host, port } = heddle.note.discovery;
      const remote = ["run", "--name", "web", "--control-plane", `${host}:${port}`, "--", "true"];
      const without = await heddle.call(remote);
      expect(without.code).toBe(64);
      expect(without.stderr).toContain("try: make one with `heddle token`");

      const other = new Heddle();
      try {
        await other.up();
        const { stdout: token } = await other.call(["token"]);
        const foreign = await heddle.call(remote, { env: { HEDDLE_TOKEN: token.trim() } });
        expect(foreign.code).toBe(1);
        expect(foreign.stderr).toContain("it is not the control plane that gave out the token");
      } finally {
        await other.close();
      }
    },
    LIMIT_MS,
  );

  test(
    "joins a remote control plane with nothing but its address and a token",
    async () => {
      const { discovery } = heddle.note;
      const { stdout: token } = await heddle.call(["token", "--service-account", "remote"]);
      const elsewhere = new Heddle();
      try {
        const args = ["--control-plane", `${discovery.host}:${discovery.port}`];
        const { code, stderr } = await elsewhere.call(runArgs("remote", args, ["true"]), {
          env: { HEDDLE_TOKEN: token.trim() },
        });
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        const foreign = await elsewhere.call(runArgs("thief", args, ["true"]), { env: { HEDDLE_TOKEN: token.trim() } });
        expect(foreign.code).toBe(1);
        expect(foreign.stderr).toContain("not for spiffe://cluster.local/ns/default/sa/thief");
      } finally {
        await elsewhere.close();
      }
    },
    LIMIT_MS,
  );

  for (const proxy of PROXIES) {
    test.skipIf(process.platform !== "linux")(
      `${proxy}: uses as many cores as it is told, as one proxy that ends with the program`,
      async () => {
        const admin = freePort();
        const mark = `cores-${proxy}`;
        const options = ["--proxy", proxy, "--admin-port", String(admin), "--concurrency", "2"];
        const running = heddle.start(runArgs(mark, options, ["sleep", "300"]), { MARK: mark });
        await until(() => isReady(mark));
        const info = await fetch(`http://127.0.0.1:${admin}/server_info`).then((response) => response.json());
        expect(info).toMatchObject({ state: "LIVE", command_line_options: { concurrency: 2 } });
        await end(running);
        expect(processesWith(`MARK=${mark}`)).toEqual([]);
      },
      LIMIT_MS,
    );

    test(
      `${proxy}: a ProxyConfig says how many cores and which variables its proxy has, where the command does not; an EnvoyFilter what an Envoy's bootstrap has`,
      async () => {
        const admin = freePort();
        const mark = `configured-${proxy}`;
        const selector = `{matchLabels: {app: ${mark}}}`;
        const environment = "{ISTIO_META_TEAM: shop, OF_THE_MESH: told}";
        const file = join(heddle.folder, `${mark}.yaml`);
        writeFileSync(
          file,
          `apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: ${mark}, namespace: default}
spec: {selector: ${selector}, concurrency: 2, environmentVariables: ${environment}}
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: ${mark}, namespace: default}
spec:
  workloadSelector: {labels: {app: ${mark}}}
  configPatches: [{applyTo: BOOTSTRAP, patch: {operation: MERGE, value: {stats_flush_interval: 7s}}}]
`,
        );
        expect(await heddle.call(["apply", "-f", file])).toMatchObject({ code: 0 });
        const options = ["--proxy", proxy, "--admin-port", String(admin)];
        const running = heddle.start(runArgs(mark, options, ["sleep", "300"]), { MARK: mark });
        await until(() => isReady(mark));
        const info = await fetch(`http://127.0.0.1:${admin}/server_info`).then((response) => response.json());
        expect(info).toMatchObject({ state: "LIVE", command_line_options: { concurrency: 2 } });
        const { stdout } = await heddle.call(["proxy-config", "bootstrap", `${mark}-v1`, "-o", "json"]);
        expect(stdout).toContain('"TEAM": "shop"');
        expect(stdout).toContain('"PROXY_CONFIG"');
        expect(stdout.includes('"7s"')).toBe(proxy === "envoy");
        // The proxy, with a worker each where they are processes, and not the program.
        expect(processesWith("OF_THE_MESH=told").length).toBe(proxy === "envoy" ? 1 : 3);
        await end(running);
      },
      LIMIT_MS,
    );

    test(
      `${proxy}: is started without a patch that its bootstrap cannot take`,
      async () => {
        const mark = `unpatched-${proxy}`;
        const file = join(heddle.folder, `${mark}.yaml`);
        writeFileSync(
          file,
          `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: ${mark}, namespace: default}
spec:
  workloadSelector: {labels: {app: ${mark}}}
  configPatches: [{applyTo: BOOTSTRAP, patch: {operation: MERGE, value: {admin: {address: {socket_address: {address: no.address}}}}}}]
`,
        );
        expect(await heddle.call(["apply", "-f", file])).toMatchObject({ code: 0 });
        const running = heddle.start(runArgs(mark, ["--proxy", proxy], ["sleep", "300"]), { MARK: mark });
        await until(() => isReady(mark));
        expect(running.stderr().includes(`EnvoyFilter default/${mark}`)).toBe(proxy === "envoy");
        await end(running);
      },
      LIMIT_MS,
    );

    test.skipIf(process.platform !== "linux")(
      `${proxy}: neither proxy nor program outlives it when it is killed`,
      async () => {
        const mark = `murdered-${proxy}`;
        const running = heddle.start(runArgs(mark, ["--proxy", proxy], ["sleep", "300"]), { MARK: mark });
        await until(() => isReady(mark));
        const left = () => processesWith(`MARK=${mark}`);
        expect(left().length).toBe(3);
        running.signal("SIGKILL");
        await running.exited;
        await until(() => left().length === 0);
      },
      LIMIT_MS,
    );

    test.skipIf(process.platform === "win32")(
      `${proxy}: Ctrl-C in its terminal reaches the program once; the proxy serves until that has ended`,
      async () => {
        const admin = freePort();
        const file = script(
          `interrupted-${proxy}`,
          `let asked = 0;
           const look = () => fetch("http://127.0.0.1:${admin}/ready", { proxy: "" }).then(({ status }) => status, () => "gone");
           process.on("SIGINT", async () => {
             if (++asked > 1) return;
             const seen = new Set();
             for (let i = 0; i < 40; i++) {
               seen.add(await look());
               await Bun.sleep(25);
             }
             console.log("proxy " + [...seen] + ", asked " + asked);
             process.exit(3);
           });
           setInterval(() => {}, 1000); console.log("up");`,
        );
        const options = ["--proxy", proxy, "--admin-port", String(admin)];
        const session = heddle.inTerminal(runArgs(`interrupted-${proxy}`, options, [process.execPath, file]));
        await until(() => session.output().includes("up"));
        session.type("\x03");
        expect(await session.exited).toBe(3);
        expect(session.output()).toContain("proxy 200, asked 1");
      },
      LIMIT_MS,
    );
  }
});

function freePort(): number {
  const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = free;
  free.stop(true);
  return port;
}

async function end(running: Running): Promise<void> {
  running.signal("SIGTERM");
  await running.exited;
}
