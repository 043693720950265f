// Budgets of the proxy's start. A machine runs many proxies, and what is loaded at start costs each of them its memory: 10 MB and 5 ms
// for commander alone. Times are measured in bench/; here stands what causes them.

import { beforeAll, describe, expect, test } from "bun:test";
import { dirname, join } from "node:path";

const SRC = dirname(import.meta.dir);

interface Output {
  readonly bytes: number;
  readonly entryPoint?: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly imports: readonly { readonly path: string; readonly kind: string }[];
}

/** What a command loads when it starts: its chunk, and every chunk that those import statically. */
interface Load {
  readonly bytes: number;
  readonly modules: readonly string[];
}

let outputs: Readonly<Record<string, Output>>;

beforeAll(async () => {
  // As scripts/build.ts builds it.
  const built = await Bun.build({
    entrypoints: [join(SRC, "main.ts")],
    target: "bun",
    format: "esm",
    minify: true,
    splitting: true,
    metafile: true,
  });
  outputs = built.metafile!.outputs as unknown as typeof outputs;
}, 20_000);

function loadOf(entryPoint: string): Load {
  const [first] = Object.entries(outputs).find(([, output]) => output.entryPoint === entryPoint)!;
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name) || !outputs[name]) return;
    seen.add(name);
    for (const { path, kind } of outputs[name].imports) if (kind === "import-statement") visit(path);
  };
  visit(first);
  const chunks = [...seen].map((name) => outputs[name]!);
  return {
    bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    modules: chunks.flatMap(({ inputs }) => Object.keys(inputs)),
  };
}

/** npm packages among the modules. */
function packages({ modules }: Load): readonly string[] {
  const names = modules.flatMap((module) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1] ?? []);
  return [...new Set(names)].sort();
}

/** Folders of src/ among the modules. */
function layers({ modules }: Load): readonly string[] {
  const names = modules.flatMap((module) => /^src\/([^/]+)\//.exec(module)?.[1] ?? []);
  return [...new Set(names)].sort();
}

describe("the proxy's process loads", () => {
  test("two libraries, of which one is for messages and one for regular expressions", () => {
    expect(packages(loadOf("src/cli/proxy.ts"))).toEqual(["@bufbuild/protobuf", "re2js"]);
  });

  test("no part of the control plane, and of the command line its own few files", () => {
    const load = loadOf("src/cli/proxy.ts");
    expect(layers(load)).toEqual(["base", "cli", "grpc", "http", "net", "pki", "proxy", "stats", "table", "xds"]);
    expect(load.modules.filter((module) => module.startsWith("src/cli/")).sort()).toEqual([
      "src/cli/proxy.ts",
      "src/cli/self.ts",
      "src/cli/version.ts",
    ]);
  });

  test("at most 1.15 MiB in 700 modules, half of it messages of xDS, a fifth re2js", () => {
    const { bytes, modules } = loadOf("src/cli/proxy.ts");
    expect(bytes).toBeLessThanOrEqual(1.15 * 1024 * 1024);
    expect(modules.length).toBeLessThanOrEqual(700);
  });
});

const HEAVY = ["agent", "ca", "compile", "control", "grpc", "proxy", "xds"];

describe("the command line loads", () => {
  test("commander and its own few files, before it knows the command", () => {
    const load = loadOf("src/cli/program.ts");
    expect(packages(load)).toEqual(["commander"]);
    expect(layers(load)).toEqual(["base", "cli"]);
  });

  test("neither the dashboard's server nor what is behind the API for commands that talk to the API", () => {
    for (const command of ["get", "delete", "proxy-status", "check", "tap"]) {
      const found = layers(loadOf(`src/cli/${command}.ts`));
      const heavy = found.filter((layer) => HEAVY.includes(layer));
      expect({ command, heavy }).toEqual({ command, heavy: [] });
      expect(packages(loadOf(`src/cli/${command}.ts`))).not.toContain("hono");
    }
  });
});
