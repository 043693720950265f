import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Heddle } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();

function write(name: string, text: string | Uint8Array): string {
  const path = join(heddle.folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return name;
}

const analyze = (...args: string[]) => heddle.call(["analyze", ...args]);
const codesOf = (stdout: string) => (JSON.parse(stdout) as { code: string }[]).map(({ code }) => code);

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
`;
const ROUTE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - route:
        - destination: {host: web}
`;

afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

describe("files alone", () => {
  test("nothing wrong", async () => {
    write("good/web.yaml", `${SERVICE}---\n${ROUTE}`);
    const { code, stdout, stderr } = await analyze("good");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe("✔ No validation issues found when analyzing good.\n");
  });

  test("an error has its place, its line and what is right, and exits with 79", async () => {
    write("bad.yaml", `${SERVICE}---\n${ROUTE.replace("{host: web}", "{host: wbe}")}`);
    const { code, stdout, stderr } = await analyze("bad.yaml");
    expect(code).toBe(79);
    expect(stdout).toContain(
      'Error [IST0101] (VirtualService default/web bad.yaml:13:31) Referenced host not found: "wbe"',
    );
    expect(stdout).toContain("13 |         - destination: {host: wbe}");
    expect(stdout).toContain("try: host: web.default.svc.cluster.local");
    expect(stderr).toContain("1 error when analyzing bad.yaml");
  });

  test("thresholds decide about the exit code and about what is shown", async () => {
    write("warned.yaml", `${SERVICE}---\n${ROUTE.replace("{host: web}", "{host: web}\n          weight: 80")}`);
    expect((await analyze("warned.yaml")).code).toBe(0);
    expect((await analyze("warned.yaml", "--failure-threshold", "Warning")).code).toBe(79);
    expect((await analyze("bad.yaml", "--failure-threshold=None")).code).toBe(0);
    const hidden = await analyze("warned.yaml", "--output-threshold", "Error");
    expect(hidden).toMatchObject({ code: 0, stdout: "" });
    const wrong = await analyze("bad.yaml", "--failure-threshold", "Eror");
    expect(wrong.code).toBe(64);
    expect(wrong.stderr).toContain("one of Error, Warning, Info, None");
  });

  test("standard input, folders below folders, JSON", async () => {
    write("deep/below/web.yaml", `${SERVICE}---\n${ROUTE}`);
    expect((await analyze("deep")).code).toBe(65);
    expect((await analyze("-R", "deep")).code).toBe(0);
    const { code, stdout } = await heddle.call(["analyze", "-", "-o", "json"], { stdin: ROUTE });
    expect({ code, codes: codesOf(stdout) }).toEqual({ code: 79, codes: ["IST0101", "HED2012"] });
  });

  test("suppression by a code of anybody's", async () => {
    for (const code of ["IST0101", "KIA1101", "HED2001"])
      expect((await analyze("bad.yaml", "-S", `${code}=VirtualService web.default`)).code).toBe(0);
    expect((await analyze("bad.yaml", "-S", "IST0101=VirtualService web.shop")).code).toBe(79);
    expect((await analyze("bad.yaml", "-S", "IST0101")).code).toBe(64);
  });

  test("the list of analyzers needs nothing", async () => {
    const { code, stdout } = await analyze("-L");
    expect(code).toBe(0);
    expect(stdout).toContain("virtualservice.DestinationHostAnalyzer");
  });
});

describe("bad input", () => {
  const NESTED = "[".repeat(100_000);
  const BOMB = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[..."bcdefghijk"]
    .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${"abcdefghij"[i]}`).join(",")}]`)
    .join("\n")}\n`;
  const manyDocuments = (count: number) => Array(count).fill("a: b\n").join("---\n");

  test.each([
    ["65 MB", Buffer.alloc(65 * 1024 * 1024, "a: b\n"), "HED1001"],
    ["a document of 50 MB", Buffer.alloc(50 * 1024 * 1024, "a: b\n"), "HED1009"],
    ["100,001 documents", manyDocuments(100_001), "HED1002"],
    ["a character that nobody sees", "kind: Serv\0ice\n", "HED1620"],
    ["an integer that nobody keeps", "kind: 9007199254740993\n", "HED1621"],
    ["JSON that is deep", `{"a":`.repeat(10_000), "HED1004"],
    ["blocks that are deep", Array.from({ length: 2_000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"), "HED1004"],
    ["deep nesting", NESTED, "HED1004"],
    ["aliases that explode", BOMB, "HED1005"],
    ["an alias of itself", "a: &a [*a]\n", "HED1010"],
    ["another encoding", Buffer.from("apiVersion: v1\nkind: S\xe9\n", "latin1"), "HED1003"],
    ["a field twice", "kind: Service\nkind: Service\n", "HED1007"],
    ["no YAML", "a: [\n", "HED1006"],
    ["no object", "just text\n", "HED1008"],
  ])(
    "%s is refused with 65",
    async (_, content, expected) => {
      write("hostile.yaml", content);
      const { code, stdout } = await analyze("hostile.yaml", "-o", "json");
      expect({ code, codes: [...new Set(codesOf(stdout))] }).toEqual({ code: 65, codes: [expected] });
      const ignored = await analyze("hostile.yaml", "--ignore-unknown", "-o", "json");
      expect(ignored).toMatchObject({ code: 0, stdout: "[]\n" });
    },
    LIMIT_MS,
  );

  test(
    "10,000 documents are read",
    async () => {
      const services = Array.from({ length: 10_000 }, (_, i) => SERVICE.replaceAll("web", `web${i}`));
      write("many.yaml", services.join("---\n"));
      expect((await analyze("many.yaml")).code).toBe(0);
    },
    LIMIT_MS,
  );

  test("a pipe that never ends is read no further than the limit", async () => {
    const { code, stdout } = await analyze("/dev/zero", "-o", "json");
    expect({ code, codes: codesOf(stdout) }).toEqual({ code: 65, codes: ["HED1001"] });
  });

  test("UTF-16 and a byte order mark are no fault", async () => {
    write("wide.yaml", Buffer.from(`\ufeff${SERVICE}`, "utf16le"));
    write("marked.yaml", `\ufeff${SERVICE}`);
    expect((await analyze("wide.yaml")).code).toBe(0);
    expect((await analyze("marked.yaml")).code).toBe(0);
  });

  test("a misspelt field is named with the right one", async () => {
    write("misspelt.yaml", `${SERVICE}---\n${ROUTE.replace("http:", "htpp:")}`);
    const { code, stdout } = await analyze("misspelt.yaml");
    expect(code).toBe(79);
    expect(stdout).toContain(
      'Error [IST0106] (VirtualService default/web misspelt.yaml:11:3) Schema validation error: unknown field "htpp"',
    );
    expect(stdout).toContain("try: http");
  });

  test("what is broken and what is wrong are both told: the wrong decides about the exit code", async () => {
    write("both.yaml", `a: [\n---\n${ROUTE}`);
    const { code, stdout } = await analyze("both.yaml", "-o", "json");
    expect({ code, codes: codesOf(stdout) }).toEqual({ code: 79, codes: ["HED1006", "IST0101", "HED2012"] });
  });
});

describe("a mesh that runs", () => {
  beforeAll(async () => {
    await heddle.up();
    write("held.yaml", `${SERVICE}---\n${ROUTE}`);
    expect((await heddle.call(["apply", "-f", "held.yaml"])).code).toBe(0);
  }, LIMIT_MS);

  test("all of it, and one namespace of it", async () => {
    const all = await analyze("-A", "--output-threshold", "Warning");
    expect(all).toMatchObject({ code: 0, stdout: "" });
    const other = await analyze("-n", "nowhere");
    expect(other.stderr).toBe("✔ No validation issues found when analyzing namespace: nowhere.\n");
  });

  test("files on top: their findings, and what they break elsewhere", async () => {
    write("route.yaml", ROUTE.replace("name: web", "name: another"));
    expect(codesOf((await analyze("route.yaml", "-o", "json")).stdout)).toContain("IST0101");
    const { code, stdout } = await analyze("-k", "route.yaml", "-o", "json");
    const found = JSON.parse(stdout) as { code: string; origin: string; reference?: string; suggestion?: string }[];
    expect(code).toBe(79);
    expect(found.filter((each) => each.code === "IST0109").map(({ origin, reference }) => [origin, reference])).toEqual(
      [
        ["VirtualService default/another", "route.yaml:5"],
        ["VirtualService default/web", undefined],
      ],
    );
    expect(found.some((each) => each.code === "IST0101")).toBe(false);
    // What is new is the younger one, though no file says when it was made.
    const [mine, theirs] = found.filter((each) => each.code === "IST0109").map(({ suggestion }) => suggestion);
    expect([mine, theirs].map((text) => text?.includes("this one is the oldest"))).toEqual([false, true]);
  });

  test("without a control plane it says so", async () => {
    const { code, stderr } = await analyze("-A", "--server", "http://127.0.0.1:1");
    expect(code).toBe(1);
    expect(stderr).toContain("cannot reach the control plane");
  });
});
