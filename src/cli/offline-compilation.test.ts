// Goldens of `heddle compile` in test/golden/compile-output: the input, and for each line of options the findings and the output.
// UPDATE_GOLDENS=1 writes what comes out.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { findComponent } from "../../scripts/components.ts";
import { renderDiagnostic } from "../base/diagnostic.ts";
import { Failure } from "../base/failure.ts";
import type { SourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { SEND_ORDER } from "../xds/type-urls.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { type OutputOptions, outputText } from "./compile-output.ts";
import type { TargetOptions } from "./compile-target.ts";
import { compileOffline, type OfflineCompilation } from "./offline-compilation.ts";

const FOLDER = join(import.meta.dir, "../../test/golden/compile-output");
const UPDATE = process.env.UPDATE_GOLDENS === "1";
const ENVOY = findComponent("envoy");
const RULER = /^=== (\{.*\}) ===$/gm;

type Options = TargetOptions & OutputOptions;

const files = readdirSync(FOLDER).sort();

function read(file: string): { readonly input: string; readonly asked: readonly string[] } {
  const text = readFileSync(join(FOLDER, file), "utf8");
  const input = text.slice(0, text.search(RULER));
  return { input, asked: [...text.matchAll(RULER)].map(([, options]) => options!) };
}

function objectsOf(content: string): readonly SourceObject[] {
  const { objects, unreadable } = objectsOfFiles([{ name: "mesh.yaml", content }], "default");
  expect(unreadable).toEqual([]);
  return objects;
}

function compiled(objects: readonly SourceObject[], options: TargetOptions): OfflineCompilation {
  const result = compileOffline(objects, options, DEFAULT_SETTINGS);
  if (result.kind === "rejected") throw new Error(result.diagnostics.map(renderDiagnostic).join("\n"));
  return result.compilation;
}

function section(objects: readonly SourceObject[], asked: string): string {
  const options = JSON.parse(asked) as Options;
  const compilation = compiled(objects, options);
  const told = compilation.findings
    .filter(({ severity }) => severity !== "info")
    .map((found) => `# ${found.message}\n`);
  return `=== ${asked} ===\n${told.join("")}${outputText(compilation, options)}\n`;
}

function failureOf(run: () => unknown): { readonly message: string; readonly hint?: string; readonly exit: number } {
  try {
    run();
  } catch (thrown) {
    const { message, hint, exit } = Failure.from(thrown);
    return { message, ...(hint === undefined ? {} : { hint }), exit };
  }
  throw new Error("it did not fail");
}

describe("goldens of compile's output", () => {
  for (const file of files) {
    const { input, asked } = read(file);
    const title = file.replace(/\.golden$/, "").replaceAll("-", " ");

    test(title, () => {
      const objects = objectsOf(input);
      const after = input + asked.map((options) => section(objects, options)).join("");
      expect(asked.length).toBeGreaterThan(0);
      if (UPDATE) writeFileSync(join(FOLDER, file), after);
      else expect(readFileSync(join(FOLDER, file), "utf8")).toBe(after);
    });

    test.skipIf(!ENVOY && process.env.CI !== "true")(`${title}: Envoy loads the bootstrap (needs envoy)`, async () => {
      for (const options of asked) {
        const compilation = compiled(objectsOf(input), JSON.parse(options) as Options);
        expect(await complaint(outputText(compilation, { output: "bootstrap" }))).toBe("");
      }
    });
  }
});

async function complaint(bootstrap: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "heddle-compile-"));
  try {
    const path = join(folder, "envoy.json");
    writeFileSync(path, bootstrap);
    const command = [ENVOY ?? "envoy", "--mode", "validate", "-c", path, "-l", "error"];
    const envoy = Bun.spawn(command, { stdout: "ignore", stderr: "pipe" });
    const text = await envoy.stderr.text();
    return (await envoy.exited) === 0 ? "" : text;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const WORKLOAD = objectsOf(read("workload.golden").input);
const GATEWAY = objectsOf(read("gateway.golden").input);

describe("output", () => {
  const whole = (objects: readonly SourceObject[], options: Options) => outputText(compiled(objects, options), options);

  test("YAML and JSON say the same", () => {
    const options = { workload: "shop/web", proxy: "envoy" } as const;
    const yaml = parse(whole(WORKLOAD, { ...options, output: "yaml" }));
    expect(yaml).toEqual(JSON.parse(whole(WORKLOAD, { ...options, output: "json" })));
  });

  test("types stand in the order in which they are sent", () => {
    const { resources } = JSON.parse(whole(WORKLOAD, { namespace: "shop", output: "json" }));
    expect(Object.keys(resources)).toEqual(SEND_ORDER.filter((kind) => kind !== "sds"));
  });

  test("the same input gives the same bytes, whatever the order of objects", () => {
    const options = { workload: "shop/web", proxy: "envoy", output: "json" } as const;
    expect(whole(WORKLOAD.toReversed(), options)).toBe(whole(WORKLOAD, options));
  });

  test("keys of certificates are in a bootstrap alone", () => {
    expect(whole(GATEWAY, { gateway: "public", output: "json" })).not.toContain("PRIVATE KEY");
    expect(whole(GATEWAY, { gateway: "public", output: "yaml" })).not.toContain("PRIVATE KEY");
    expect(whole(GATEWAY, { gateway: "public", proxy: "envoy", output: "bootstrap" })).toContain("PRIVATE KEY");
  });

  test("a name that nothing has is told with the nearest", () => {
    const options = { workload: "shop/web", proxy: "envoy", type: ["cds"], output: "json" } as const;
    const name = "outbound|80||web.shop.svc.cluster.locl";
    expect(failureOf(() => whole(WORKLOAD, { ...options, name }))).toEqual({
      message: `the proxy has no resource of cds named "${name}"`,
      hint: '--name "outbound|80||web.shop.svc.cluster.local"',
      exit: 1,
    });
  });
});

describe("the proxy", () => {
  test("one that is not there is told with the nearest", () => {
    expect(failureOf(() => compiled(WORKLOAD, { workload: "shop/wbe" }))).toEqual({
      message: "no workload shop/wbe in the files",
      hint: "shop/web",
      exit: 65,
    });
    expect(failureOf(() => compiled(WORKLOAD, { workload: "web" })).message).toBe(
      "no workload default/web in the files",
    );
    expect(failureOf(() => compiled(GATEWAY, { gateway: "pubic" })).hint).toBe("public");
    expect(failureOf(() => compiled(GATEWAY, { gateway: "edge/pubic" })).hint).toBe("edge/public");
  });

  test("a workload without a proxy has no configuration, unless one is put beside it", () => {
    const { message, exit } = failureOf(() => compiled(WORKLOAD, { workload: "shop/web" }));
    expect({ message, exit }).toEqual({
      message: "shop/web-7d4b9c-x2x has no proxy in the files: nothing would configure it",
      exit: 65,
    });
    const { described, workload } = compiled(WORKLOAD, {
      workload: "shop/web",
      proxy: "envoy",
      labels: { version: "v2" },
    });
    expect(described).toBe(false);
    expect(workload.labels).toEqual({ app: "web", "pod-template-hash": "7d4b9c", version: "v2" });
    expect(workload.proxy).toMatchObject({ kind: "envoy", capture: { outboundPort: 15_001 } });
  });

  test("a Deployment's template stands for its Pods, at its place in the file", () => {
    const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {heddle.dev/proxy: envoy}}
    spec: {serviceAccountName: api, containers: [{name: app}]}
`;
    const all = [...WORKLOAD, ...objectsOf(deployment)];
    const compilation = compiled(all, { workload: "shop/api" });
    expect(compilation.described).toBe(false);
    expect(compilation.workload).toMatchObject({ serviceAccount: "api", labels: { app: "web" } });
    const { resources } = JSON.parse(outputText(compilation, { output: "json", type: ["lds"] }));
    expect(resources.lds[0].sources[0]).toEqual({ object: "Pod shop/api", file: "mesh.yaml", line: 6, column: 3 });
  });

  test("options describe one that the files do not hold", () => {
    const options = {
      workload: "bank/teller",
      proxy: "envoy",
      serviceAccount: "till",
      labels: { app: "teller" },
    } as const;
    const { described, workload } = compiled(WORKLOAD, options);
    expect(described).toBe(true);
    expect(workload.identity).toEqual({ kind: "spiffe", uri: "spiffe://cluster.local/ns/bank/sa/till" });
  });

  test("one that Services select serves their ports", () => {
    const { snapshot } = compiled(WORKLOAD, { namespace: "shop", labels: { app: "web" } });
    expect(snapshot.serverNames).toEqual(new Set(["outbound_.80_._.web.shop.svc.cluster.local"]));
  });

  test("a Gateway that a proxy of the files opens is that proxy's", () => {
    const pod = `apiVersion: v1
kind: Pod
metadata: {name: edge-1, namespace: edge, labels: {istio: ingressgateway}, annotations: {heddle.dev/proxy: envoy, heddle.dev/gateway: "true"}}
status: {podIP: 127.0.0.1, conditions: [{type: Ready, status: "True"}]}
`;
    const all = [...GATEWAY, ...objectsOf(pod)];
    for (const gateway of ["public", "edge/public", "edge-1"]) {
      const { workload, described } = compiled(all, { gateway });
      expect({ name: workload.name, described }).toEqual({ name: "edge-1", described: false });
    }
  });

  test("Istio's own gateway becomes one of Heddle's", () => {
    const pod = `apiVersion: v1
kind: Pod
metadata: {name: istio-ingressgateway-1, namespace: istio-system, labels: {app: istio-ingressgateway, istio: ingressgateway}}
spec: {serviceAccountName: ingress}
`;
    const { workload, described } = compiled([...GATEWAY, ...objectsOf(pod)], { gateway: "public" });
    expect(described).toBe(false);
    expect(workload).toMatchObject({ namespace: "istio-system", serviceAccount: "ingress", proxy: { gateway: {} } });
  });

  test("a client that is described takes no other's place", () => {
    const { workload, described } = compiled(WORKLOAD, { namespace: "shop", labels: { app: "web-7d4b9c-x2x" } });
    expect({ name: workload.name, described }).toEqual({ name: "client", described: true });
  });

  test("who asks for none, or for two, is told", () => {
    expect(failureOf(() => compiled(WORKLOAD, {}))).toMatchObject({ exit: 64 });
    expect(failureOf(() => compiled(GATEWAY, { workload: "a", gateway: "public" }))).toMatchObject({ exit: 64 });
  });

  test("an object that is wrong by itself rejects everything, with its place", () => {
    const wrong = read("routes-alone.golden").input.replace("number: 8080", "number: many");
    const result = compileOffline(objectsOf(wrong), { namespace: "shop" }, DEFAULT_SETTINGS);
    if (result.kind !== "rejected") throw new Error("it was compiled");
    expect(result.diagnostics.map(({ span }) => [span?.file, span?.line, span?.column])).toEqual([
      ["mesh.yaml", 9, 59],
    ]);
  });

  test("keys that would have to be fetched are named", () => {
    const policy = `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec: {jwtRules: [{issuer: https://issuer.test, jwksUri: "https://issuer.test/keys"}]}
`;
    const { unfetched } = compiled([...WORKLOAD, ...objectsOf(policy)], { workload: "shop/web", proxy: "envoy" });
    expect(unfetched).toEqual(["https://issuer.test/keys"]);
  });
});
