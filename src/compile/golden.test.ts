// Goldens of the compiler: one file a case in test/golden/compile, with the input, then for each proxy it asks for the resources that the
// case is about. Whatever a case shows, all of each proxy's resources are accepted by Heddle's tables and loaded by Envoy.
//
//     <documents>
//     === default/client-1: cds/outbound|80*, vhds/* ===
//     <resources>
//
// UPDATE_GOLDENS=1 writes what comes out; what every resource says alike is shown by the cases of golden-signal alone. `world.yaml` is there for every case.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { renderYaml } from "../../test/fixtures/compile/render.ts";
import { loadMesh } from "../dialect/load.ts";
import type { Mesh } from "../model/mesh.ts";
import { DEFAULT_SETTINGS, type MeshSettings } from "../model/settings.ts";
import { type Workload, workloadKey } from "../model/workload.ts";
import {
  checkCluster,
  checkEndpoints,
  checkListener,
  checkRouteConfiguration,
  checkVirtualHost,
  describeRejections,
} from "../table/accept/resource.ts";
import { NO_SHELL } from "../table/accept/virtual-host.ts";
import { envoyRegistry } from "../xds/envoy-types.ts";
import { decodeResource, type Resource } from "../xds/resource.ts";
import { messagesOf } from "../xds/resource-json.ts";
import { SEND_ORDER } from "../xds/type-urls.ts";
import { compileProxy, compileShared } from "./compile.ts";
import type { AcknowledgedServerNames } from "./leg.ts";
import { type ProxySnapshot, sourcesOf } from "./proxy-snapshot.ts";
import { staticBootstrap } from "./static-bootstrap.ts";

const FOLDER = join(import.meta.dir, "../../test/golden/compile");
const UPDATE = process.env.UPDATE_GOLDENS === "1";
const ENVOY = findComponent("envoy");
const RULER = /^=== (?<name>[\w./-]+): (?<patterns>.*) ===$/;
/** `# settings: {...}` and `# acknowledged: {...}` in front of a case change what the compiler is given beside documents. */
const DIRECTIVE = /^# (?<key>settings|acknowledged): (?<value>\{.*\})$/gm;

interface Section {
  readonly ruler: string;
  readonly name: string;
  readonly patterns: readonly string[];
}

interface Case {
  readonly input: string;
  readonly sections: readonly Section[];
}

function readCase(text: string): Case {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => RULER.test(line));
  const sections = lines.flatMap((line): Section[] => {
    const groups = RULER.exec(line)?.groups;
    return groups ? [{ ruler: line, name: groups.name!, patterns: groups.patterns!.split(", ") }] : [];
  });
  return { input: `${lines.slice(0, first < 0 ? lines.length : first).join("\n")}\n`, sections };
}

function directives(input: string): { settings: Partial<MeshSettings>; acknowledged: Record<string, string[]> } {
  const found = new Map(
    [...input.matchAll(DIRECTIVE)].map((match) => [match.groups!.key, JSON.parse(match.groups!.value!)]),
  );
  return { settings: found.get("settings") ?? {}, acknowledged: found.get("acknowledged") ?? {} };
}

function workloadOf(mesh: Mesh, name: string): Workload {
  const found = mesh.workloads.find((workload) => `${workload.namespace}/${workload.name}` === name);
  if (!found) throw new Error(`no workload ${name}`);
  return found;
}

/** Of all workloads, or of those named `<namespace>/<name>`. */
function compileCase(input: string, world: string): { mesh: Mesh; snapshotOf: (name: string) => ProxySnapshot } {
  const { settings, acknowledged } = directives(input);
  const files = [
    { name: "world.yaml", content: world },
    { name: "case.yaml", content: input },
  ];
  const { mesh, diagnostics } = loadMesh(files, { ...DEFAULT_SETTINGS, ...settings });
  expect(diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message)).toEqual([]);
  const names: AcknowledgedServerNames = new Map(
    Object.entries(acknowledged).map(([name, known]) => [workloadKey(workloadOf(mesh, name)), new Set(known)]),
  );
  const shared = compileShared(mesh, names);
  return { mesh, snapshotOf: (name) => compileProxy(shared, workloadOf(mesh, name))! };
}

function matches(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.|[\]{}()+?^$\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(text);
}

function renderSection(snapshot: ProxySnapshot, patterns: readonly string[], full: boolean): string {
  const shown = SEND_ORDER.flatMap((kind) =>
    [...messagesOf(snapshot, kind, envoyRegistry())]
      .filter(([name]) => patterns.some((pattern) => matches(pattern, `${kind}/${name}`)))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, message]) => {
        const sources = sourcesOf(snapshot, kind, name).map(({ origin, path }) =>
          `${origin.kind} ${origin.namespace}/${origin.name} ${path}`.trim(),
        );
        const from = sources.length > 0 ? `  # ${[...new Set(sources)].join(", ")}` : "";
        return `--- ${kind}${from}\n${renderYaml(message, full)}`;
      }),
  );
  return `${shown.join("\n")}\n`;
}

function rejection(kind: Resource["kind"], bytes: Uint8Array): string {
  const check = () => {
    switch (kind) {
      case "cds":
        return checkCluster(decodeResource(kind, bytes));
      case "eds":
        return checkEndpoints(decodeResource(kind, bytes));
      case "lds":
        return checkListener(decodeResource(kind, bytes));
      case "rds":
        return checkRouteConfiguration(decodeResource(kind, bytes));
      case "vhds":
        return checkVirtualHost(decodeResource(kind, bytes), NO_SHELL);
      default:
        return undefined;
    }
  };
  const checked = check();
  return checked?.kind === "rejected" ? describeRejections(checked.rejections) : "";
}

const cases = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".golden"))
  .sort();
const world = readFileSync(join(FOLDER, "world.yaml"), "utf8");

describe("goldens of the compiler", () => {
  for (const file of cases) {
    const path = join(FOLDER, file);
    const title = file.replace(/\.golden$/, "").replaceAll("-", " ");
    const { input, sections } = readCase(readFileSync(path, "utf8"));

    test(title, () => {
      const { snapshotOf } = compileCase(input, world);
      const rendered = sections.map(
        ({ ruler, name, patterns }) =>
          `${ruler}\n${renderSection(snapshotOf(name), patterns, file.startsWith("golden-signal"))}`,
      );
      const after = input + rendered.join("");
      if (UPDATE) writeFileSync(path, after);
      else expect(readFileSync(path, "utf8")).toBe(after);
      expect(sections.length).toBeGreaterThan(0);
    });

    test(`${title}: Heddle's tables take it`, () => {
      const { mesh, snapshotOf } = compileCase(input, world);
      for (const { namespace, name, proxy } of mesh.workloads) {
        if (proxy?.kind !== "heddle") continue;
        const { resources } = snapshotOf(`${namespace}/${name}`);
        const rejections = SEND_ORDER.flatMap((kind) =>
          [...(resources[kind]?.values() ?? [])].map(({ name: resource, bytes }) => [resource, rejection(kind, bytes)]),
        );
        expect(rejections.filter(([, reason]) => reason !== "")).toEqual([]);
      }
    });

    test.skipIf(!ENVOY && process.env.CI !== "true")(`${title}: Envoy loads it (needs envoy)`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "heddle-golden-"));
      try {
        const { mesh, snapshotOf } = compileCase(input, world);
        const wanted = mesh.workloads.filter(
          ({ namespace, name, proxy }) => proxy && sections.some((section) => section.name === `${namespace}/${name}`),
        );
        for (const { namespace, name } of wanted) {
          const bootstrap = staticBootstrap(snapshotOf(`${namespace}/${name}`), { node: name, adminPort: 0 });
          const config = join(folder, `${name}.json`);
          writeFileSync(config, JSON.stringify(bootstrap));
          expect(await complaint(config)).toBe("");
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }

  test("the folder holds goldens and the world alone", () => {
    expect(readdirSync(FOLDER).filter((name) => !name.endsWith(".golden") && name !== "world.yaml")).toEqual([]);
    expect(existsSync(join(FOLDER, "world.yaml"))).toBe(true);
  });
});

/** Envoy's complaint about a file, empty when it loads. Its output goes to no pipe: Bun's are sockets, which cannot be opened as /dev/stdout. */
async function complaint(config: string): Promise<string> {
  const command = [ENVOY ?? "envoy", "--mode", "validate", "-c", config, "-l", "error"];
  const envoy = Bun.spawn(command, { stdout: "ignore", stderr: "pipe" });
  const text = await envoy.stderr.text();
  return (await envoy.exited) === 0 ? "" : text;
}
