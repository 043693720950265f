// What the program says of files without a control plane: `heddle compile`, `heddle diff`.

import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Heddle } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();

function write(name: string, text: string): string {
  writeFileSync(join(heddle.folder, name), text);
  return name;
}

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

describe("heddle compile", () => {
  const compile = (...args: string[]) => heddle.call(["compile", ...args]);

  test("what a client gets for a route, and where it came from", async () => {
    write("web.yaml", ROUTE);
    const { code, stdout, stderr } = await compile(
      "-f",
      "web.yaml",
      "-n",
      "shop",
      "--type",
      "virtualhosts",
      "-o",
      "json",
    );
    expect(code).toBe(0);
    expect(stderr).toContain("error[HED2001] web.yaml:8:31:");
    const { workload, resources } = JSON.parse(stdout);
    expect(workload).toMatchObject({ namespace: "shop", described: true });
    expect(Object.keys(resources)).toEqual(["vhds"]);
    expect(resources.vhds[0].sources[0]).toEqual({
      object: "VirtualService shop/web",
      path: "spec.http[0]",
      file: "web.yaml",
      line: 7,
      column: 7,
    });
  });

  test("standard input, and a pattern of names", async () => {
    const { code, stdout } = await heddle.call(
      ["compile", "-f", "-", "-n", "shop", "-t", "lds,cds", "--name", "virtual*"],
      {
        stdin: ROUTE,
      },
    );
    expect(code).toBe(0);
    expect(stdout).toContain("name: virtualOutbound");
    expect(stdout).not.toContain("cds:");
  });

  test("an object that is wrong stops it at its place", async () => {
    write("bad.yaml", ROUTE.replace("hosts:", "hosst:"));
    const { code, stdout, stderr } = await compile("-f", "bad.yaml", "-n", "shop");
    expect({ code, stdout }).toEqual({ code: 65, stdout: "" });
    expect(stderr).toContain('bad.yaml:5:3: unknown field "hosst"');
    expect(stderr).toContain("nothing was compiled");
  });

  test.each([
    ["a type that is none", ["-t", "cdss"], 64, "try: cds"],
    ["labels that are none", ["-l", "app"], 64, "--labels is not KEY=VALUE"],
    ["two proxies", ["-w", "a/b", "-g", "c"], 64, "exclude each other"],
    ["no proxy", [], 64, "Neither --workload nor --gateway"],
    [
      "a workload that is not there",
      ["-w", "shop/api"],
      65,
      "no workload shop/api in the files\n  try: describe it: --proxy envoy --labels app=api",
    ],
    [
      "a name that nothing has",
      ["-n", "shop", "-t", "lds", "--name", "virtualOutbund"],
      1,
      'try: --name "virtualOutbound"',
    ],
  ] as const)("%s", async (_, args, exit, said) => {
    write("web.yaml", ROUTE);
    const { code, stdout, stderr } = await compile("-f", "web.yaml", ...args);
    expect({ code, stdout }).toEqual({ code: exit, stdout: "" });
    expect(stderr).toContain(said);
  });
});

describe("heddle diff", () => {
  const diff = (...args: string[]) => heddle.call(["diff", "--base", "before.yaml", ...args]);

  test("what would be refused is told, and nothing is compared", async () => {
    write("before.yaml", ROUTE);
    write("wrong.yaml", ROUTE.replace("hosts: [web]", "host: [web]"));
    const { code, stdout, stderr } = await diff("-f", "wrong.yaml");
    expect(code).toBe(65);
    expect(stdout).toBe("");
    expect(stderr).toContain("wrong.yaml:5:3");
    expect(stderr).toContain("nothing was compared");
  });

  test("the same files differ in nothing", async () => {
    write("before.yaml", ROUTE);
    expect((await diff("-f", "before.yaml")).code).toBe(0);
  });
});
