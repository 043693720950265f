// The real kubectl against the embedded API: what is promised to people is that it needs no flag but --server.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../../scripts/components.ts";
import { resource } from "../resources.ts";
import { list, object, text, whole } from "../schema.ts";
import { newApi } from "./harness.ts";
import { type ServedApi, serveApi } from "./server.ts";

/** HEDDLE_KUBECTL names another one, to try old versions. */
const KUBECTL = findComponent("kubectl") ?? "";
/** Of 1.N, 0 without one. Debian's is 1.20. */
const MINOR = KUBECTL === "" ? 0 : clientMinor();

setDefaultTimeout(60_000);

const SPEC = object(
  "Where requests go",
  {
    hosts: list("Hosts that the routes are for", text("")),
    http: list(
      "Routes of HTTP requests",
      object("One route", { name: text("Name of the route"), weight: whole("Share in percent") }),
    ),
  },
  ["hosts"],
);

const VIRTUAL_SERVICE = `apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: golden-signal
spec:
  hosts: [golden-signal]
  http:
  - name: main
    weight: 80
`;

const CORE = `apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web, tier: front}
  ports: [{name: http, port: 80}, {name: grpc, port: 9090, targetPort: grpc}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec:
  containers: [{name: app, image: x, env: [{name: A, value: one}, {name: B, value: two}]}]
---
apiVersion: v1
kind: Secret
metadata: {name: key}
data: {password: aHVudGVyMg==}
`;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let home: string;
let server: ServedApi;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "heddle-kubectl-"));
});

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

beforeEach(async () => {
  await server?.stop(0);
  const { api } = newApi({ specSchemas: new Map([[resource.virtualServices, SPEC]]) });
  server = serveApi({ api, port: 0 });
});

afterAll(async () => {
  await server?.stop(0);
});

function spawn(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return Bun.spawn([KUBECTL, "--server", server.url, ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: home, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function kubectl(...args: readonly string[]): Promise<Outcome> {
  const child = spawn(args);
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

/** A file with this text. */
function file(content: string): string {
  const path = join(home, `${Bun.hash(content).toString(36)}.yaml`);
  writeFileSync(path, content);
  return path;
}

async function succeed(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await kubectl(...args);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${err}`);
  return out;
}

function clientMinor(): number {
  const { stdout } = Bun.spawnSync([KUBECTL, "version", "--client", "-o", "json"]);
  return Number.parseInt(JSON.parse(stdout.toString()).clientVersion.minor, 10);
}

/** What older clients have no flag for, or word otherwise. */
const recent = test.skipIf(MINOR < 27);

const suite = KUBECTL !== "" ? describe : process.env.CI === "true" ? describe : describe.skip;

suite("kubectl", () => {
  test("is installed", () => {
    expect(KUBECTL).not.toBe("");
  });

  test("apply creates, leaves unchanged, configures; get shows it in every form and version", async () => {
    const path = file(VIRTUAL_SERVICE);
    expect(await succeed("apply", "-f", path)).toBe("virtualservice.networking.istio.io/golden-signal created\n");
    expect(await succeed("apply", "-f", path)).toBe("virtualservice.networking.istio.io/golden-signal unchanged\n");
    const changed = file(VIRTUAL_SERVICE.replace("80", "70"));
    expect(await succeed("apply", "-f", changed)).toBe("virtualservice.networking.istio.io/golden-signal configured\n");

    const yaml = await succeed("get", "virtualservices", "-o", "yaml");
    expect(yaml).toContain("apiVersion: networking.istio.io/v1\n");
    expect(yaml).toContain("weight: 70\n");
    const alpha = await succeed("get", "virtualservices.v1alpha3.networking.istio.io", "golden-signal", "-o", "json");
    expect(JSON.parse(alpha).apiVersion).toBe("networking.istio.io/v1alpha3");
    expect(await succeed("get", "vs", "-o", "wide")).toMatch(
      /^NAME +GATEWAYS +HOSTS +AGE\ngolden-signal +\["golden-signal"\] +\d+s\n$/,
    );
    expect(await succeed("get", "vs,pa", "-A", "--no-headers")).toContain("golden-signal");
    expect(await succeed("get", "istio-io")).toContain("virtualservice.networking.istio.io/golden-signal");
  });

  test("apply of Kubernetes' own kinds merges what is keyed and removes what is gone", async () => {
    await succeed("apply", "-f", file(CORE));
    expect(await succeed("apply", "-f", file(CORE))).toBe(
      "service/web unchanged\npod/web-1 unchanged\nsecret/key unchanged\n",
    );
    const changed = CORE.replace(", tier: front", "")
      .replace("port: 9090", "port: 9091")
      .replace("{name: A, value: one}, ", "");
    await succeed("apply", "-f", file(changed));
    const service = JSON.parse(await succeed("get", "svc", "web", "-o", "json"));
    expect(service.spec.selector).toEqual({ app: "web" });
    expect(service.spec.ports.map(({ port }: { port: number }) => port)).toEqual([80, 9_091]);
    expect(await succeed("get", "pod", "web-1", "-o", "jsonpath={.spec.containers[0].env[*].name}")).toBe("B");
    expect(await succeed("get", "all", "-o", "name")).toBe("pod/web-1\nservice/web\n");
  });

  recent("a wrong field is refused by name, and let through with a warning when asked", async () => {
    const wrong = file(VIRTUAL_SERVICE.replace("weight:", "wieght:"));
    const { code, err } = await kubectl("apply", "-f", wrong);
    expect(code).toBe(1);
    expect(err).toContain("wieght");
    const warned = await kubectl("apply", "--validate=warn", "-f", wrong);
    expect(warned.code).toBe(0);
    expect(warned.err).toContain('Warning: unknown field "spec.http[0].wieght"');
  });

  test("a value of the wrong type is told with its field", async () => {
    const { code, err } = await kubectl(
      "apply",
      "--validate=false",
      "-f",
      file(VIRTUAL_SERVICE.replace("80", "eighty")),
    );
    expect(code).toBe(1);
    expect(err).toContain(
      'The VirtualService "golden-signal" is invalid: spec.http[0].weight: Invalid value: "string"',
    );
  });

  recent("label, annotate, patch, edit and delete", async () => {
    await succeed("apply", "-f", file(VIRTUAL_SERVICE));
    expect(await succeed("label", "vs", "golden-signal", "team=a")).toContain("labeled");
    expect(await succeed("annotate", "vs", "golden-signal", "note=hello world")).toContain("annotate");
    await succeed("patch", "vs", "golden-signal", "--type", "merge", "-p", '{"spec":{"hosts":["b"]}}');
    await succeed(
      "patch",
      "vs",
      "golden-signal",
      "--type",
      "json",
      "-p",
      '[{"op":"add","path":"/spec/hosts/-","value":"c"}]',
    );
    const edit = spawn(["edit", "vs", "golden-signal"], { KUBE_EDITOR: "sed -i s/hello/edited/" });
    expect(await edit.exited).toBe(0);
    const { metadata, spec } = JSON.parse(await succeed("get", "vs", "-l", "team=a", "-o", "json")).items[0];
    expect(spec.hosts).toEqual(["b", "c"]);
    expect(metadata.annotations.note).toBe("edited world");
    const { err } = await kubectl("patch", "vs", "golden-signal", "-p", "{}");
    expect(err).toContain(
      "application/strategic-merge-patch+json is not supported by networking.istio.io/v1, Kind=VirtualService",
    );
    expect(await succeed("delete", "vs", "golden-signal")).toContain("deleted");
    expect((await kubectl("get", "vs", "golden-signal")).err).toBe(
      'Error from server (NotFound): virtualservices.networking.istio.io "golden-signal" not found\n',
    );
  });

  test("describe tells what an object has", async () => {
    await succeed("apply", "-f", file(`${VIRTUAL_SERVICE}---\n${CORE}`));
    expect(await succeed("describe", "vs", "golden-signal")).toMatch(/Hosts:\n\s+golden-signal\n/);
    expect(await succeed("describe", "svc", "web")).toMatch(/Port: +grpc +9090\/TCP\n/);
    expect(await succeed("describe", "pod", "web-1")).toContain("web-1");
    expect(await succeed("describe", "ns", "default")).toMatch(/Status: +Active/);
  });

  test("get -w shows changes as they happen", async () => {
    await succeed("apply", "-f", file(VIRTUAL_SERVICE));
    const watch = spawn(["get", "vs", "-w", "-o", "name"]);
    const chunks = watch.stdout[Symbol.asyncIterator]();
    let seen = "";
    const until = async (text: string) => {
      while (!seen.includes(text))
        seen += new TextDecoder().decode((await chunks.next()).value ?? Buffer.from(`ended: ${text}`));
    };
    await until("virtualservice.networking.istio.io/golden-signal\n");
    await succeed("apply", "-f", file(VIRTUAL_SERVICE.replace(/golden-signal/g, "other")));
    await until("virtualservice.networking.istio.io/other\n");
    expect(seen).not.toContain("ended");
    watch.kill();
    await watch.exited;
  });

  recent("apply --server-side shares fields, and a conflict names who has them", async () => {
    const path = file(VIRTUAL_SERVICE);
    expect(await succeed("apply", "--server-side", "-f", path)).toContain("serverside-applied");
    const other = file(VIRTUAL_SERVICE.replace("80", "50"));
    const { code, err } = await kubectl("apply", "--server-side", "--field-manager=other", "-f", other);
    expect(code).toBe(1);
    expect(err).toContain('Apply failed with 1 conflict: conflict with "kubectl": .spec.http');
    await succeed("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", other);
    const { metadata } = JSON.parse(await succeed("get", "vs", "golden-signal", "-o", "json", "--show-managed-fields"));
    expect(metadata.managedFields.map(({ manager }: { manager: string }) => manager)).toEqual(["kubectl", "other"]);
  });

  test("what was applied by the client can be applied by the server afterwards", async () => {
    await succeed("apply", "-f", file(VIRTUAL_SERVICE));
    await succeed("apply", "--server-side", "-f", file(VIRTUAL_SERVICE.replace("80", "60")));
    expect(await succeed("get", "vs", "golden-signal", "-o", "jsonpath={.spec.http[0].weight}")).toBe("60");
  });

  test("dry runs and diff change nothing", async () => {
    expect(await succeed("apply", "--dry-run=server", "-f", file(VIRTUAL_SERVICE))).toContain(
      "created (server dry run)",
    );
    expect(await succeed("get", "vs", "-o", "name")).toBe("");
    await succeed("apply", "-f", file(VIRTUAL_SERVICE));
    const { code, out } = await kubectl("diff", "-f", file(VIRTUAL_SERVICE.replace("80", "20")));
    expect(code).toBe(1);
    expect(out).toMatch(/-\s+weight: 80\n\+\s+weight: 20\n/);
  });

  test("replace with an old version is a conflict", async () => {
    await succeed("apply", "-f", file(VIRTUAL_SERVICE));
    const old = await succeed("get", "vs", "golden-signal", "-o", "yaml");
    await succeed("label", "vs", "golden-signal", "a=b");
    const { err } = await kubectl("replace", "-f", file(old));
    expect(err).toContain("Error from server (Conflict)");
    expect(err).toContain(
      "the object has been modified; please apply your changes to the latest version and try again",
    );
  });

  recent("explain, api-resources, api-versions and version answer", async () => {
    expect(await succeed("explain", "vs.spec.http.weight")).toContain("Share in percent");
    expect(await succeed("explain", "pod.spec.containers.ports")).toMatch(/containerPort\t<integer> -required-/);
    // Through the OpenAPI v2 document, which kubectl reads as protobuf.
    expect(await succeed("explain", "vs.spec.hosts", "--output=plaintext-openapiv2")).toContain(
      "Hosts that the routes are for",
    );
    const resources = await succeed("api-resources");
    expect(resources).toMatch(/^virtualservices +vs +networking\.istio\.io\/v1 +true +VirtualService$/m);
    expect(resources).toMatch(/^envoyfilters +networking\.istio\.io\/v1alpha3 +true +EnvoyFilter$/m);
    expect(await succeed("api-versions")).toContain("security.istio.io/v1beta1\n");
    expect(await succeed("version")).toContain("Server Version");
    expect(await succeed("get", "crd", "-o", "name")).toContain("virtualservices.networking.istio.io");
    expect((await kubectl("delete", "crd", "virtualservices.networking.istio.io")).err).toContain("MethodNotAllowed");
  });

  recent("wait sees a condition come true, and namespaces can be made and removed", async () => {
    await succeed("create", "namespace", "team");
    await succeed("apply", "-n", "team", "-f", file(VIRTUAL_SERVICE));
    const waiting = kubectl("wait", "-n", "team", "vs/golden-signal", "--for=condition=Accepted", "--timeout=50s");
    const status = JSON.stringify({ status: { conditions: [{ type: "Accepted", status: "True" }] } });
    await succeed("patch", "-n", "team", "vs", "golden-signal", "--subresource=status", "--type=merge", "-p", status);
    expect((await waiting).out).toContain("condition met");
    expect(await succeed("delete", "ns", "team")).toContain("deleted");
    expect((await kubectl("apply", "-n", "team", "-f", file(VIRTUAL_SERVICE))).err).toContain(
      'namespaces "team" not found',
    );
  });
});
