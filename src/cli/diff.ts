// `heddle diff`: what files would change before they are applied, for proxies and for whoever was seen calling.

import { type Command, Option } from "commander";
import type { Callers } from "../admin/api.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { translate } from "../dialect/dialects.ts";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import type { ObservedCaller } from "../explain/caller-difference.ts";
import { type MeshState, meshDifference } from "../explain/mesh-difference.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { resource } from "../kube/resources.ts";
import { hasReason } from "../kube/status.ts";
import { buildMesh } from "../model/build.ts";
import type { MeshSettings } from "../model/settings.ts";
import { objectsOfFiles, onTop } from "./analysis-input.ts";
import { type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { rehearsed, type Together, togetherOf } from "./apply.ts";
import { DIFF_OUTPUTS, type DiffOutput, diffText, isEmpty } from "./diff-output.ts";
import { diagnosticsText, refusedFiles } from "./failure-report.ts";
import { recursiveOption } from "./files-option.ts";
import { findingsDifference } from "./findings-difference.ts";
import { judgeAlone, judgeEach } from "./judge.ts";
import { asRunning } from "./manifests.ts";
import { meshConfigOption, meshSettings } from "./mesh-settings.ts";
import { dashboardOption, fetchCallers, type MeshOptions } from "./mesh-status.ts";
import { readFiles } from "./object-files.ts";
import { objectsInForce, objectsWatched } from "./objects-in-force.ts";
import { print, printError, styleOf } from "./terminal.ts";
import { required } from "./values.ts";
import { readWritten, type WrittenObject } from "./written-objects.ts";

interface DiffOptions extends ApiOptions, MeshOptions {
  readonly filename?: readonly string[];
  readonly recursive?: true;
  readonly base?: readonly string[];
  readonly namespace: string;
  readonly meshConfig?: string;
  readonly output: DiffOutput;
}

export function define(command: Command): void {
  command
    .option("-f, --filename <file...>", "what is to be applied: files or folders of YAML or JSON, - for standard input")
    .addOption(recursiveOption())
    .option("--base <file...>", "what is there before, instead of the running mesh")
    .addOption(namespaceOption())
    .addOption(meshConfigOption())
    .addOption(new Option("-o, --output <form>").choices(DIFF_OUTPUTS).default("text"))
    .addOption(dashboardOption());
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText("after", HELP);
  command.action((options: DiffOptions) => diff(options));
}

const HELP = `
Nothing is applied. Callers are those that the mesh's telemetry has seen in the last hour. It knows who calls which service, and no paths: each is asked
about with one request of every kind that routes and policies tell apart, before and after.
Last come findings of heddle analyze that the change adds, and those that it takes away.
Exit code 0 when nothing would change, 79 when something would, 65 when a file is wrong or the API would refuse it.`;

async function diff(options: DiffOptions): Promise<void> {
  const files = await readFiles(required(options.filename, "-f FILE"), options.recursive === true);
  const { before, after, callers } =
    options.base === undefined ? await ofMesh(files, options) : await ofFiles(files, options.base, options);
  const settings = meshSettings(options.state, options.meshConfig, before);
  const difference = {
    ...meshDifference(stateOf(before, settings, options), stateOf(after, settings, options), callers),
    findings: findingsDifference(before, after, settings),
  };
  await print(diffText(difference, options.output, styleOf(process.stdout)));
  if (!isEmpty(difference)) process.exitCode = EXIT.findings;
}

interface Change {
  readonly before: readonly SourceObject[];
  readonly after: readonly SourceObject[];
  readonly callers: readonly ObservedCaller[];
}

type Files = Awaited<ReturnType<typeof readFiles>>;

async function ofFiles(files: Files, base: readonly string[], options: DiffOptions): Promise<Change> {
  const before = await objectsOf(await readFiles(base, options.recursive === true), options);
  return { before, after: onTop(await objectsOf(files, options), before), callers: [] };
}

async function objectsOf(files: Files, options: DiffOptions): Promise<readonly SourceObject[]> {
  const { objects, unreadable } = objectsOfFiles(files, options.namespace);
  await refuse([...unreadable, ...judged(objects, options)]);
  return objects;
}

async function ofMesh(files: Files, options: DiffOptions): Promise<Change> {
  const { objects: written, diagnostics } = readWritten(files, options.namespace, judgeAlone);
  await refuse([
    ...diagnostics,
    ...judged(
      written.map(({ source }) => source),
      options,
    ),
  ]);
  if (written.length === 0)
    throw new Failure("no object found", { hint: "files with apiVersion, kind and metadata", exit: EXIT.data });
  const { client } = await openApi(options);
  const before = await objectsInForce(options);
  const watched = new Set(objectsWatched(options).map(({ key }) => key));
  const counting = written.filter(({ source }) => !watched.has(source.key));
  if (counting.length < written.length)
    await printError("note: what the watched folder holds counts more, and is left as it is there");
  const together = togetherOf(counting, before, meshSettings(options.state, options.meshConfig, before));
  const merged = await Promise.all(counting.map((object) => mergedWith(client, object, together)));
  return { before, after: onTop(merged, before), callers: callersOf(await fetchCallers(options)) };
}

/** As the API would have it, with the places of the file. In a namespace that is yet to be made it cannot say. */
async function mergedWith(client: KubeClient, written: WrittenObject, together: Together): Promise<SourceObject> {
  try {
    const read = sourceObject(await rehearsed(client, written, together), written.source.spans);
    return read.kind === "object" ? read.object : written.source;
  } catch (thrown) {
    if (hasReason(thrown, "NotFound") && written.type !== resource.namespaces) return written.source;
    throw thrown;
  }
}

/** What is wrong with each: it would be refused, and there is nothing to compare. Warnings are for `apply` and `analyze`. */
function judged(objects: readonly SourceObject[], { state, meshConfig }: DiffOptions): readonly Diagnostic[] {
  const found = judgeEach(
    objects.map((source) => ({ source })),
    meshSettings(state, meshConfig, objects),
  );
  return found.filter(({ severity }) => severity === "error");
}

async function refuse(diagnostics: Parameters<typeof diagnosticsText>[0]): Promise<void> {
  const refused = refusedFiles(diagnostics, "nothing was compared");
  if (diagnostics.length > 0) await printError(diagnosticsText(diagnostics, styleOf(process.stderr)));
  if (refused) throw refused;
}

/** What is rejected is left out, as the control plane leaves out what it never accepted. Manifests of files count as running. */
function stateOf(objects: readonly SourceObject[], settings: MeshSettings, { base }: DiffOptions): MeshState {
  const running = base === undefined ? objects : asRunning(objects);
  const { parts, sources, settings: inForce } = translate(running, settings);
  return { mesh: buildMesh(inForce, parts), sources };
}

function callersOf({ nodes: all, edges }: Callers): readonly ObservedCaller[] {
  const nodes = new Map(all.map((node) => [node.id, node]));
  const callers = edges.flatMap(({ from, service, protocol }): ObservedCaller[] => {
    const node = nodes.get(from);
    return node?.kind === "workload" ? [{ namespace: node.namespace, workload: node.name, service, protocol }] : [];
  });
  return [...new Map(callers.map((caller) => [JSON.stringify(caller), caller])).values()];
}
