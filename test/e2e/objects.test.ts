import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { EXAMPLE, Heddle, until } from "./heddle.ts";

const LIMIT_MS = 30_000;
const heddle = new Heddle();
const DOCUMENTS = ["destinationrule.yaml", "virtualservice.yaml", "peerauthentication.yaml"].map((name) =>
  join(EXAMPLE, name),
);
const apply = (...files: string[]) => heddle.call(["apply", "-f", ...files]);

beforeAll(() => heddle.up(), LIMIT_MS);
afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

beforeEach(async () => {
  await heddle.call(["delete", "--ignore-not-found", "-f", ...DOCUMENTS]);
}, LIMIT_MS);

describe("wait", () => {
  test(
    "ends when objects are in force, and fails with what the control plane says of them",
    async () => {
      const applied = await heddle.call(["apply", "--wait", "-f", ...DOCUMENTS]);
      expect(applied.code).toBe(0);
      const name = "virtualservice.networking.istio.io/golden-signal";
      for (const condition of ["programmed", "accepted", "condition=Conflicted=False"])
        expect(await heddle.call(["wait", `--for=${condition}`, "vs/golden-signal"])).toMatchObject({
          code: 0,
          stdout: `${name} condition met\n`,
        });
      expect((await heddle.call(["wait", "-f", ...DOCUMENTS])).stdout.split("\n").length).toBe(4);
      const late = await heddle.call(["wait", "--for=condition=Conflicted", "--timeout", "0s", "vs/golden-signal"]);
      expect(late.code).toBe(1);
      expect(late.stderr).toContain(
        `timed out waiting for Conflicted=True of ${name}: Conflicted is False, NoConflicts`,
      );
      expect((await heddle.call(["wait", "vs/nobody"])).stderr).toContain("not found");
      expect((await heddle.call(["wait", "--for=luck", "vs/golden-signal"])).code).toBe(64);
      const { stdout } = await heddle.call(["get", "vs", "golden-signal", "-o", "json"]);
      const { status, metadata } = JSON.parse(stdout);
      expect(status.conditions).toMatchObject([
        { type: "Accepted", status: "True", observedGeneration: metadata.generation },
        { type: "Programmed", status: "True", reason: "NoProxies" },
        { type: "Reconciled", status: "True", message: "0/0 proxies up to date." },
        { type: "Conflicted", status: "False", reason: "NoConflicts" },
      ]);
    },
    LIMIT_MS,
  );
});

test(
  "wait sees objects come and go, and fields of any kind",
  async () => {
    const name = "virtualservice.networking.istio.io/golden-signal";
    const coming = heddle.call(["wait", "--for=create", "vs/golden-signal"]);
    await apply(...DOCUMENTS);
    expect(await coming).toMatchObject({ code: 0, stdout: `${name} condition met\n` });
    const early = await heddle.call(["wait", "--for=delete", "--timeout", "0s", "vs/golden-signal"]);
    expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining(`the deletion of ${name}: it is still`) });
    const going = heddle.call(["wait", "--for=delete", "-f", ...DOCUMENTS]);
    await heddle.call(["delete", "-f", ...DOCUMENTS]);
    expect((await going).code).toBe(0);
    const kept = await heddle.call(["wait", "--for=jsonpath={.metadata.name}=default", "namespace/default"]);
    expect(kept).toMatchObject({ code: 0, stdout: "namespace/default condition met\n" });
  },
  LIMIT_MS,
);

test(
  "get takes kubectl's templates, columns and categories",
  async () => {
    await apply(...DOCUMENTS);
    const get = async (...args: string[]) => (await heddle.call(["get", ...args])).stdout;
    expect(await get("vs", "golden-signal", "-o", "jsonpath={.spec.http[0].route[*].weight}")).toBe("80 20");
    const template = 'jsonpath={range .items[*]}{.kind}{"\\n"}{end}';
    expect(await get("istio-io", "-o", template)).toBe("VirtualService\nDestinationRule\nPeerAuthentication\n");
    expect(await get("dr", "-o", "custom-columns=NAME:.metadata.name,Subsets:.spec.subsets[*].name")).toBe(
      "NAME            Subsets\ngolden-signal   v1,v2\n",
    );
    const [heading, row] = (await get("all")).split("\n");
    expect(heading).toMatch(/^NAME +GATEWAYS +HOSTS/);
    expect(row).toMatch(/^virtualservice.networking.istio.io\/golden-signal /);
    expect(await get("vs", "--no-headers")).toMatch(/^golden-signal [^\n]*\n$/);
    const wrong = await heddle.call(["get", "vs", "-o", "jsonpath={.items"]);
    expect(wrong).toMatchObject({ code: 64, stderr: expect.stringContaining("} is missing, at character 8") });
    const unknown = await heddle.call(["get", "vs", "-o", "go-template={{.}}"]);
    expect(unknown).toMatchObject({ code: 64, stderr: expect.stringContaining("jsonpath=, custom-columns=") });
  },
  LIMIT_MS,
);

describe("apply", () => {
  test(
    "says what became of each object: created, unchanged, configured",
    async () => {
      const names = [
        "destinationrule.networking.istio.io/golden-signal",
        "virtualservice.networking.istio.io/golden-signal",
        "peerauthentication.security.istio.io/default",
      ];
      const lines = (verb: string) => names.map((name) => `${name} ${verb}\n`).join("");
      const rehearsed = await heddle.call(["apply", "--dry-run", "-f", ...DOCUMENTS]);
      expect(rehearsed).toMatchObject({ code: 0, stdout: lines("created (dry run)") });
      const asKubectl = await heddle.call(["apply", "--dry-run=server", "-f", ...DOCUMENTS]);
      expect(asKubectl).toMatchObject({ code: 0, stdout: lines("created (dry run)") });
      expect(await apply(...DOCUMENTS)).toMatchObject({ code: 0, stdout: lines("created") });
      expect(await apply(...DOCUMENTS)).toMatchObject({ code: 0, stdout: lines("unchanged") });
      const half = readFileSync(DOCUMENTS[1]!, "utf8")
        .replace("weight: 80", "weight: 50")
        .replace("weight: 20", "weight: 50");
      const changed = await heddle.call(["apply", "-f", "-"], { stdin: half });
      expect(changed).toMatchObject({ code: 0, stdout: `${names[1]} configured\n` });
      const object = await heddle.getObject("vs", "golden-signal");
      expect(JSON.stringify(object)).toContain('"weight":50');
    },
    LIMIT_MS,
  );

  test(
    "takes what get gave",
    async () => {
      await apply(...DOCUMENTS);
      const { stdout } = await heddle.call(["get", "vs", "-o", "yaml"]);
      expect(stdout).not.toContain("managedFields");
      const again = await heddle.call(["apply", "-f", "-"], { stdin: stdout });
      expect(again).toMatchObject({ code: 0, stdout: "virtualservice.networking.istio.io/golden-signal unchanged\n" });
    },
    LIMIT_MS,
  );

  test(
    "makes a namespace before what is in it, and puts what names none where -n says",
    async () => {
      const text = `apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
`;
      const { code, stdout } = await heddle.call(["apply", "-n", "shop", "-f", "-"], { stdin: text });
      expect({ code, stdout }).toEqual({ code: 0, stdout: "namespace/shop created\nserviceaccount/web created\n" });
      expect((await heddle.call(["get", "sa", "-n", "shop", "-o", "name"])).stdout).toBe("serviceaccount/web\n");
      expect((await heddle.call(["get", "sa", "-o", "name"])).stdout).toBe("");
    },
    LIMIT_MS,
  );

  test(
    "warns of a route to a service that is yet to come, and applies it",
    async () => {
      const { code, stderr } = await apply(...DOCUMENTS);
      expect(code).toBe(0);
      expect(stderr).toContain(`warning[HED2001] ${DOCUMENTS[1]}:11:19:`);
    },
    LIMIT_MS,
  );
});

describe("get", () => {
  test(
    "shows the API's columns, more of them with wide, the namespace with all of them",
    async () => {
      await apply(...DOCUMENTS);
      const rows = (text: string) =>
        text
          .trimEnd()
          .split("\n")
          .map((line) => line.split(/ {2,}/));
      const table = rows((await heddle.call(["get", "virtualservices"])).stdout);
      expect(table[0]).toEqual(["NAME", "GATEWAYS", "HOSTS", "AGE"]);
      expect(table[1]!.slice(0, 3)).toEqual(["golden-signal", "<none>", '["golden-signal.default.svc.cluster.local"]']);
      const all = rows((await heddle.call(["get", "dr", "-A"])).stdout);
      expect(all[0]).toEqual(["NAMESPACE", "NAME", "HOST", "AGE"]);
      expect(all[1]!.slice(0, 2)).toEqual(["default", "golden-signal"]);
      const { stdout } = await heddle.call(["get", "ns", "default", "-o", "json"]);
      expect(JSON.parse(stdout)).toMatchObject({ kind: "Namespace", metadata: { name: "default" } });
    },
    LIMIT_MS,
  );

  test(
    "of nothing says so on standard error; of a name that is not there fails",
    async () => {
      expect(await heddle.call(["get", "gateways"])).toEqual({
        code: 0,
        stdout: "",
        stderr: "no gateways found in namespace default\n",
      });
      for (const output of ["table", "json"]) {
        const { code, stderr } = await heddle.call(["get", "vs", "nope", "-o", output]);
        expect(code).toBe(1);
        expect(stderr).toBe('error: virtualservices.networking.istio.io "nope" not found\n');
      }
    },
    LIMIT_MS,
  );

  test(
    "-w shows what is there, then every change",
    async () => {
      await heddle.call(["apply", "--wait", "-f", DOCUMENTS[0]!]); // with its status, whose writing is a change, too
      const table = heddle.start(["get", "dr", "-w"]);
      const json = heddle.start(["get", "dr", "golden-signal", "-w", "-o", "name"]);
      await until(() => table.stdout().includes("golden-signal") && json.stdout() !== "");
      const text = readFileSync(DOCUMENTS[0]!, "utf8");
      await heddle.call(["apply", "-f", "-"], { stdin: text.replaceAll("golden-signal", "another") });
      await until(() => table.stdout().includes("another"));
      expect(table.stdout().match(/^NAME/gm)?.length).toBe(1);
      await heddle.call(["delete", "dr", "golden-signal", "another"]);
      await until(() => json.stdout().split("\n").length === 3);
      expect(json.stdout()).not.toContain("another");
      for (const running of [table, json]) running.signal("SIGTERM");
      await Promise.all([table.exited, json.exited]);
    },
    LIMIT_MS,
  );
});

test(
  "what is not there is told with what was probably meant",
  async () => {
    await apply(...DOCUMENTS);
    for (const command of [
      ["get", "vs", "golden-singal"],
      ["wait", "vs/golden-singal"],
      ["delete", "vs", "golden-singal"],
    ])
      expect(await heddle.call(command)).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining("\n  try: golden-signal\n"),
      });
    const elsewhere = await heddle.call(["get", "vs", "golden-signal", "-n", "heddle-system"]);
    expect(elsewhere.stderr).toEndWith("not found\n  try: -n default, where there is one\n");
    expect(await heddle.call(["get", "vs", "-n", "defualt"])).toEqual({
      code: 0,
      stdout: "",
      stderr: "no virtualservices found in namespace defualt: there is no such namespace\n  try: default\n",
    });
  },
  LIMIT_MS,
);

describe("delete", () => {
  test(
    "takes away by name and by file, and fails for what is not there unless told otherwise",
    async () => {
      await apply(...DOCUMENTS);
      expect(await heddle.call(["delete", "vs", "golden-signal", "nope"])).toEqual({
        code: 1,
        stdout: 'virtualservice.networking.istio.io "golden-signal" deleted\n',
        stderr: 'virtualservice.networking.istio.io "nope" not found in namespace default\n',
      });
      await apply(...DOCUMENTS);
      expect(await heddle.call(["delete", "vs/golden-signal", "dr/golden-signal"])).toMatchObject({
        code: 0,
        stdout:
          'virtualservice.networking.istio.io "golden-signal" deleted\ndestinationrule.networking.istio.io "golden-signal" deleted\n',
      });
      await apply(DOCUMENTS[0]!);
      const { code, stdout } = await heddle.call(["delete", "--ignore-not-found", "-f", ...DOCUMENTS]);
      expect({ code, lines: stdout.trimEnd().split("\n").length }).toEqual({ code: 0, lines: 2 });
    },
    LIMIT_MS,
  );

  test(
    "of a file that cannot be read deletes nothing",
    async () => {
      await apply(...DOCUMENTS);
      writeFileSync(join(heddle.folder, "broken.yaml"), `${readFileSync(DOCUMENTS[0]!, "utf8")}---\na: b: c\n`);
      const { code, stderr } = await heddle.call(["delete", "-f", "broken.yaml"]);
      expect(code).toBe(65);
      expect(stderr).toContain("nothing was deleted");
      expect(await heddle.getObject("dr", "golden-signal")).toBeDefined();
    },
    LIMIT_MS,
  );
});

const kubectl = findComponent("kubectl");
if (!kubectl && process.env.CI === "true") throw new Error("kubectl is missing");

test.skipIf(!kubectl)(
  "plain kubectl applies and gets the same documents",
  async () => {
    const run = (...args: string[]) => {
      const { exitCode, stdout, stderr } = Bun.spawnSync([kubectl!, "--server", heddle.note.api, ...args], {
        env: { ...process.env, HOME: heddle.folder, KUBECONFIG: "/dev/null" },
      });
      return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
    };
    const applied = run("apply", "-f", DOCUMENTS[1]!);
    expect(applied).toMatchObject({ code: 0, stdout: "virtualservice.networking.istio.io/golden-signal created\n" });
    const got = run("get", "virtualservices", "-o", "yaml");
    expect(got.code).toBe(0);
    expect(got.stdout).toContain("- golden-signal.default.svc.cluster.local");
    const bad = join(heddle.folder, "bad.yaml");
    writeFileSync(bad, readFileSync(DOCUMENTS[1]!, "utf8").replace("weight: 80", "weight: -80"));
    const refused = run("apply", "-f", bad);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("spec.http[0].route[0].weight");
  },
  LIMIT_MS,
);
