// `heddle describe`: what concerns one Pod, service or workload, with what decided each of it.

import { Argument, type Command, Option } from "commander";
import { stringify } from "yaml";
import type { ObjectConditions } from "../admin/api.ts";
import { analyze } from "../analyze/analyze.ts";
import type { Finding } from "../analyze/code.ts";
import { renderDiagnostic } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { translate } from "../dialect/dialects.ts";
import type { TextFile } from "../dialect/load.ts";
import type { SourceObject } from "../dialect/object.ts";
import { acknowledgementText } from "../explain/configuration.ts";
import type { Description } from "../explain/description/description.ts";
import type { Subject } from "../explain/description/subject.ts";
import { buildMesh } from "../model/build.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { WorkloadProxy } from "../model/workload.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { type ApiOptions, apiOptions, namespaceOption } from "./api-client.ts";
import { DESCRIBED_KINDS, described, type Wanted, wantedOf } from "./described.ts";
import { type Described, descriptionText, placesOf } from "./description-output.ts";
import { filesInsteadOption, proxyOption, recursiveOption } from "./files-option.ts";
import { acknowledgementOf } from "./live-proxies.ts";
import { asRunning } from "./manifests.ts";
import { meshConfigOption, meshSettings } from "./mesh-settings.ts";
import { dashboardOption, type MeshOptions } from "./mesh-status.ts";
import { readFiles } from "./object-files.ts";
import { objectsInForce } from "./objects-in-force.ts";
import { print, type Style, styleOf } from "./terminal.ts";
import { conditionsInForce } from "./watched-objects.ts";

const OUTPUTS = ["text", "json", "yaml"] as const;
export type DescribeOutput = (typeof OUTPUTS)[number];

interface DescribeOptions extends ApiOptions, MeshOptions {
  readonly filename?: readonly string[];
  readonly recursive?: true;
  readonly namespace: string;
  readonly meshConfig?: string;
  readonly proxy?: WorkloadProxy["kind"];
  readonly output: DescribeOutput;
}

export function define(command: Command): void {
  command
    .addArgument(Object.assign(new Argument("<kind>", "what is described"), { argChoices: DESCRIBED_KINDS }))
    .argument("[name]", "NAME, NAMESPACE/NAME or NAME.NAMESPACE")
    .addOption(filesInsteadOption())
    .addOption(recursiveOption())
    .addOption(proxyOption())
    .addOption(namespaceOption())
    .addOption(meshConfigOption())
    .addOption(new Option("-o, --output <form>").choices(OUTPUTS).default("text"))
    .addOption(dashboardOption());
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText("after", HELP);
  command.action((kind: string, name: string | undefined, options: DescribeOptions) => run(kind, name, options));
}

const HELP = `
Examples: heddle describe pod web-1; heddle describe svc web.shop; heddle describe workload web -f config/
With -f Pods without a status count as running, and what makes Pods has one, by its own name.
Exit code 1 when there is none of the name in the mesh, 65 when there is none in the files, or a file has errors.`;

async function run(kind: string, name: string | undefined, options: DescribeOptions): Promise<void> {
  const wanted = wantedOf(kind, name);
  const style = styleOf(process.stdout);
  if (options.filename !== undefined) {
    const files = await readFiles(options.filename, options.recursive === true);
    const { objects } = objectsOfFiles(files, options.namespace);
    const settings = meshSettings(options.state, options.meshConfig, objects);
    return print(offlineText({ files, settings }, wanted, options, style));
  }
  if (options.proxy !== undefined) throw new Failure("--proxy is of files", { hint: "-f FILES", exit: EXIT.usage });
  await print(await liveText(wanted, options, style));
}

/** What the command says of files. Throws a Failure for what is wrong with its arguments and files. */
export function offlineText(
  { files, settings }: { readonly files: readonly TextFile[]; readonly settings: MeshSettings },
  wanted: Wanted,
  { namespace, output, proxy }: Pick<DescribeOptions, "namespace" | "output" | "proxy">,
  style: Style,
): string {
  const { objects, unreadable } = objectsOfFiles(files, namespace);
  const running = asRunning(objects, proxy);
  const { subject, errors } = subjectOf(running, settings);
  const all = [...unreadable.filter(({ severity }) => severity === "error"), ...errors];
  if (all.length > 0)
    throw new Failure(`what cannot be read cannot be described:\n${all.map(renderDiagnostic).join("\n")}`, {
      hint: "heddle analyze",
      exit: EXIT.data,
    });
  const description = described(subject, wanted, namespace);
  const findings = findingsOf(objects, settings, description);
  return textOf({ description, findings, proxy: undefined, statuses: [] }, output, style);
}

/** What is wrong with other objects is left out, as the control plane leaves it out. */
async function liveText(wanted: Wanted, options: DescribeOptions, style: Style): Promise<string> {
  const objects = await objectsInForce(options);
  const settings = meshSettings(options.state, options.meshConfig, objects);
  const { subject } = subjectOf(objects, settings);
  const description = described(subject, wanted, options.namespace, EXIT.failure);
  const findings = findingsOf(objects, settings, description);
  const [proxy, statuses] = await Promise.all([
    proxyText(subject, description, options),
    statusesOf(description, options),
  ]);
  return textOf({ description, findings, proxy, statuses }, options.output, style);
}

function subjectOf(
  objects: readonly SourceObject[],
  settings: MeshSettings,
): { readonly subject: Subject; readonly errors: readonly Finding[] } {
  const { parts, sources, results, settings: inForce } = translate(objects, settings);
  const found = results.flatMap(({ diagnostics }) => diagnostics);
  return {
    subject: {
      mesh: buildMesh(inForce, parts),
      sources,
      objects: new Map(objects.map((object) => [object.key, object])),
    },
    errors: found.filter(({ severity }) => severity === "error"),
  };
}

/** What `heddle analyze` says of the objects that the description names. */
function findingsOf(
  objects: readonly SourceObject[],
  settings: MeshSettings,
  description: Description,
): readonly Finding[] {
  const named = new Set(placesOf(description).map(({ object }) => object));
  return analyze(objects, settings).filter(
    ({ object, severity }) =>
      object && severity !== "info" && named.has(`${object.kind} ${object.namespace}/${object.name}`),
  );
}

/** What the control plane knows of the workload's proxy. */
async function proxyText(
  { mesh }: Subject,
  description: Description,
  options: MeshOptions,
): Promise<string | undefined> {
  if (description.kind !== "workload" || !description.proxy) return undefined;
  const { namespace, name } = description;
  const workload = mesh.workloads.find((one) => one.namespace === namespace && one.name === name);
  return workload && acknowledgementText(await acknowledgementOf(workload, options));
}

/** What the control plane says of the objects that the description names. */
async function statusesOf(description: Description, options: MeshOptions): Promise<Described["statuses"]> {
  const named = new Set(placesOf(description).map(({ object }) => object));
  const conditions = await conditionsInForce(options).catch(() => new Map<string, ObjectConditions>());
  return [...conditions.values()].flatMap(({ kind, namespace, name, conditions: own }) => {
    const object = `${kind} ${namespace}/${name}`;
    return named.has(object) ? [{ object, conditions: own }] : [];
  });
}

function textOf(all: Described, output: DescribeOutput, style: Style): string {
  if (output === "text") return descriptionText(all, style);
  const { description, findings, proxy, statuses } = all;
  const live = proxy === undefined && statuses.length === 0 ? {} : { configuration: proxy, statuses };
  const shape = { ...description, ...live, findings };
  if (output === "json") return JSON.stringify(shape, null, 2);
  // Without what is undefined, as JSON has it.
  return stringify(JSON.parse(JSON.stringify(shape)), { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}
