// `heddle compile`: the xDS that one proxy would get for files, without a control plane, with what each resource came from.

import { type Command, Option } from "commander";
import type { Diagnostic } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { labelValue, qualifiedName } from "../kube/names.ts";
import { type ResourceKind, SEND_ORDER } from "../xds/type-urls.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { stateOption } from "./api-client.ts";
import { COMPILE_OUTPUTS, type OutputOptions, outputText } from "./compile-output.ts";
import { DEFAULT_NAMESPACE, type TargetOptions } from "./compile-target.ts";
import { diagnosticsText, refusedFiles } from "./failure-report.ts";
import { recursiveOption } from "./files-option.ts";
import { asRunning } from "./manifests.ts";
import { meshConfigOption, meshSettings } from "./mesh-settings.ts";
import { readFiles } from "./object-files.ts";
import { compileOffline } from "./offline-compilation.ts";
import { print, printError, styleOf } from "./terminal.ts";
import { name, required } from "./values.ts";

interface CompileOptions extends TargetOptions, OutputOptions {
  readonly filename?: readonly string[];
  readonly recursive?: true;
  readonly state?: string;
  readonly meshConfig?: string;
}

export function define(command: Command): void {
  command
    .option("-f, --filename <file...>", "files or folders of YAML or JSON, - for standard input")
    .addOption(recursiveOption())
    .option("-w, --workload <namespace/name>", "whose configuration: a Pod's, or what owns it")
    .option("-g, --gateway <name>", "that of the proxy behind a Gateway")
    .option("-n, --namespace <name>", "of the workload, and of what names none (default: default)", name("--namespace"))
    .addOption(new Option("-l, --labels <key=value,…>", "of a workload that the files do not hold").argParser(labels))
    .option("--service-account <name>", "its identity", name("--service-account"))
    .addOption(new Option("--proxy <kind>", "what stands beside it").choices(["heddle", "envoy"]))
    .addOption(new Option("-t, --type <type>", `show these alone: ${SEND_ORDER.join(", ")}`).argParser(resourceKinds))
    .option("--name <name>", "show these alone; * stands for anything")
    .addOption(new Option("-o, --output <form>").choices(COMPILE_OUTPUTS).default("yaml"));
  command.addOption(meshConfigOption()).addOption(stateOption());
  command.addHelpText("after", HELP);
  command.action((options: CompileOptions) => run(options));
}

const HELP = `
Examples: heddle compile -f config/ --workload shop/web
          heddle compile -f virtualservice.yaml --namespace shop --type vhds     what any client in shop gets
          heddle compile -f config/ --gateway public -o bootstrap > envoy.json && envoy --mode validate -c envoy.json
Exit code 65 when a file or the workload is wrong, 64 for wrong usage.`;

/** What resources are called elsewhere: by istioctl, and in Envoy's API. */
const OTHER_NAMES: Readonly<Record<string, ResourceKind>> = {
  cluster: "cds",
  clusters: "cds",
  endpoint: "eds",
  endpoints: "eds",
  secret: "sds",
  secrets: "sds",
  listener: "lds",
  listeners: "lds",
  route: "rds",
  routes: "rds",
  virtualhost: "vhds",
  virtualhosts: "vhds",
};

function resourceKinds(value: string, before: readonly ResourceKind[] = []): readonly ResourceKind[] {
  return [...before, ...value.split(",").map((text) => resourceKind(text.trim()))];
}

function resourceKind(text: string): ResourceKind {
  const wanted = text.toLowerCase();
  const found = SEND_ORDER.find((kind) => kind === wanted) ?? OTHER_NAMES[wanted];
  if (found) return found;
  throw new Failure(`--type is no type of resource: ${JSON.stringify(text)}`, {
    hint: nearest(wanted, [...SEND_ORDER, ...Object.keys(OTHER_NAMES)]) ?? `one of ${SEND_ORDER.join(", ")}`,
    exit: EXIT.usage,
  });
}

function labels(value: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const pairs = value.split(",").map((pair) => {
    const [, key = "", text = ""] = /^([^=]+)=(.*)$/.exec(pair.trim()) ?? [];
    if (qualifiedName(key).length === 0 && labelValue(text).length === 0) return [key, text];
    throw new Failure(`--labels is not KEY=VALUE: ${JSON.stringify(pair)}`, {
      hint: "--labels app=web,version=v1",
      exit: EXIT.usage,
    });
  });
  return { ...before, ...Object.fromEntries(pairs) };
}

async function run(options: CompileOptions): Promise<void> {
  const files = await readFiles(required(options.filename, "-f FILE"), options.recursive === true);
  const { objects, unreadable } = objectsOfFiles(files, options.namespace ?? DEFAULT_NAMESPACE);
  if (unreadable.length > 0) await refuse(unreadable);
  if (objects.length === 0)
    throw new Failure("no object found", { hint: "files with apiVersion, kind and metadata", exit: EXIT.data });
  // Deployments run, with a proxy where Istio would inject one, as in `describe -f` and `explain -f`.
  const result = compileOffline(asRunning(objects), options, meshSettings(options.state, options.meshConfig, objects));
  if (result.kind === "rejected") return refuse(result.diagnostics);
  const { compilation } = result;
  await tell(compilation.findings);
  for (const uri of compilation.unfetched)
    await printError(`note: keys at ${uri} are not fetched here: this is the configuration of before they came`);
  await print(outputText(compilation, options));
}

async function tell(diagnostics: readonly Diagnostic[]): Promise<void> {
  const shown = diagnostics.filter(({ severity }) => severity !== "info");
  if (shown.length > 0) await printError(diagnosticsText(shown, styleOf(process.stderr)));
}

/** Prints what was found; throws when an error is among it. */
async function refuse(diagnostics: readonly Diagnostic[]): Promise<void> {
  await tell(diagnostics);
  const refused = refusedFiles(diagnostics, "nothing was compiled");
  if (refused) throw refused;
}
