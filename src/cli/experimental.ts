// `heddle x`, istioctl's experimental commands: `authz check`, and `describe` and `wait`, which are no experiments here.

import type { Command } from "commander";
import { Option } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import type { WorkloadProxy } from "../model/workload.ts";
import { envoyRegistry } from "../xds/envoy-types.ts";
import { resourceJson } from "../xds/resource-json.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { adminOption } from "./admin-option.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { namespaceOption, stateOption } from "./api-client.ts";
import { authorizationRows } from "./authorization-rules.ts";
import { define as defineDescribe } from "./describe.ts";
import { diagnosticsText, refusedFiles } from "./failure-report.ts";
import { proxyOption, recursiveOption } from "./files-option.ts";
import { asRunning } from "./manifests.ts";
import { meshConfigOption, meshSettings } from "./mesh-settings.ts";
import { readFiles } from "./object-files.ts";
import { compileOffline } from "./offline-compilation.ts";
import { adminDump, adminOf } from "./proxy-admin.ts";
import { type Json, readDump } from "./proxy-dump.ts";
import { print, printError, renderTable, styleOf } from "./terminal.ts";
import { define as defineWait } from "./wait.ts";

const OUTPUTS = ["table", "json"] as const;
const HEADING = "AuthorizationPolicy";

interface CheckOptions {
  readonly admin?: string;
  readonly filename?: readonly string[];
  readonly recursive?: true;
  readonly namespace: string;
  readonly meshConfig?: string;
  readonly proxy?: WorkloadProxy["kind"];
  readonly state?: string;
  readonly output: (typeof OUTPUTS)[number];
}

export function define(command: Command): void {
  defineDescribe(command.command("describe").alias("des").description("The same as heddle describe."));
  defineWait(
    command
      .command("wait")
      .description("The same as heddle wait, with istioctl's KIND NAME.NAMESPACE and --for=distribution."),
  );
  const authz = command.command("authz").description("Authorization policies of a workload.");
  authz
    .command("check")
    .description("Show the authorization policies that a workload's proxy has.")
    .argument("[workload]", "NAME, NAMESPACE/NAME or NAME.NAMESPACE")
    .addOption(adminOption("the proxy's admin interface, HOST:PORT"))
    .option(
      "-f, --filename <file...>",
      "files of objects, or a dump of the proxy, instead of the proxy, - for standard input",
    )
    .addOption(recursiveOption())
    .addOption(proxyOption())
    .addOption(namespaceOption())
    .addOption(meshConfigOption())
    .addOption(stateOption())
    .addOption(new Option("-o, --output <form>").choices(OUTPUTS).default("table"))
    .addHelpText("after", "\nExample: heddle x authz check web; heddle x authz check shop/web -f config/")
    .action((workload: string | undefined, options: CheckOptions) => check(workload, options));
}

async function check(workload: string | undefined, options: CheckOptions): Promise<void> {
  const rows = authorizationRows(await listenersOf(workload, options));
  if (options.output === "json") return print(JSON.stringify(rows, null, 2));
  if (rows.length === 0) return printError("no authorization policy is for this workload");
  const cells = rows.map(({ action, policy, rules }) => [action, policy, String(rules)]);
  // istioctl writes this one name as it is.
  await print(renderTable(["action", HEADING, "rules"], cells).replace(HEADING.toUpperCase(), HEADING));
}

async function listenersOf(workload: string | undefined, options: CheckOptions): Promise<readonly Json[]> {
  const { admin, filename, state } = options;
  if (filename !== undefined) return listenersOfFiles(workload, filename, options);
  if (admin !== undefined) return (await adminDump({ address: admin, node: undefined })).listeners;
  return (await adminDump(adminOf(required(workload), state))).listeners;
}

function required(workload: string | undefined): string {
  if (workload !== undefined) return workload;
  const hint = "heddle x authz check WORKLOAD, or --admin HOST:PORT, or -f DUMP";
  throw new Failure("whose policies?", { hint, exit: EXIT.usage });
}

/** Without a workload the file is a dump, which says whose it is. */
async function listenersOfFiles(
  workload: string | undefined,
  names: readonly string[],
  options: CheckOptions,
): Promise<readonly Json[]> {
  const files = await readFiles(names, options.recursive === true);
  const [file] = files;
  if (workload === undefined && file) return readDump(Buffer.from(file.content).toString(), file.name).listeners;
  const { objects, unreadable } = objectsOfFiles(files, options.namespace);
  const settings = meshSettings(options.state, options.meshConfig, objects);
  const { namespace, proxy } = options;
  const target = { workload: required(workload), namespace, proxy };
  const result = compileOffline(asRunning(objects), target, settings);
  const diagnostics = result.kind === "rejected" ? [...unreadable, ...result.diagnostics] : unreadable;
  const refused = refusedFiles(diagnostics, "nothing was compiled");
  if (refused) await printError(diagnosticsText(diagnostics, styleOf(process.stderr)));
  if (refused || result.kind === "rejected") throw refused ?? new Failure("nothing was compiled", { exit: EXIT.data });
  return [...resourcesOf(result.compilation.snapshot, "lds").values()].map((resource) =>
    resourceJson(resource, envoyRegistry()),
  );
}
