// `heddle version`: of this program, of the control plane, and of every proxy, so that a mixture shows.

import { type Command, Option } from "commander";
import { stringify } from "yaml";
import type { State } from "../admin/api.ts";
import { stateOption } from "./api-client.ts";
import { dashboardOption, fetchState, type MeshOptions } from "./mesh-status.ts";
import { print } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** With istioctl's two. */
const OUTPUTS = ["text", "json", "yaml"] as const;

interface VersionOptions extends MeshOptions {
  readonly output: (typeof OUTPUTS)[number];
  readonly client?: true;
  readonly remote?: "true" | "false";
  readonly short?: true;
}

interface Versions {
  readonly client: string;
  readonly bun: string;
  /** null: none was reached. */
  readonly controlPlane: string | null;
  /** How many proxies there are of each kind and version, as `heddle 0.1.0`. */
  readonly proxies: Readonly<Record<string, number>>;
}

export function define(command: Command): void {
  command
    .addOption(new Option("-o, --output <form>").choices(OUTPUTS).default("text"))
    .option("--client", "only of this program")
    .addOption(
      new Option("--remote [boolean]", "of control plane and proxies, too").choices(["true", "false"]).preset("true"),
    )
    .option("-s, --short", "the numbers alone")
    .addOption(dashboardOption())
    .addOption(stateOption())
    .action((options: VersionOptions) => version(options));
}

async function version(options: VersionOptions): Promise<void> {
  // Not to reach a control plane is no failure here: the version of the program alone is an answer, too.
  const onlyClient = options.client === true || options.remote === "false";
  const state = onlyClient ? undefined : await fetchState(options).catch(() => undefined);
  const versions = versionsOf(state);
  await print(shown(versions, options.output, () => text(versions, onlyClient, options.short === true)));
}

function shown(versions: Versions, output: VersionOptions["output"], asText: () => string): string {
  if (output === "text") return asText();
  return output === "json" ? JSON.stringify(versions, null, 2) : stringify(versions).trimEnd();
}

function versionsOf(state: State | undefined): Versions {
  const proxies: Record<string, number> = {};
  for (const { kind, proxyVersion } of state?.proxies ?? []) {
    const name = `${kind} ${proxyVersion}`;
    proxies[name] = (proxies[name] ?? 0) + 1;
  }
  return { client: VERSION, bun: Bun.version, controlPlane: state?.mesh.version ?? null, proxies };
}

function text({ client, bun, controlPlane, proxies }: Versions, onlyClient: boolean, isShort: boolean): string {
  const lines = [`client          ${client}${isShort ? "" : ` (Bun ${bun})`}`];
  if (onlyClient) return lines.join("\n");
  lines.push(`control plane   ${controlPlane ?? "not reached"}`);
  for (const [name, count] of Object.entries(proxies)) lines.push(`proxies         ${name} (${count})`);
  return lines.join("\n");
}
