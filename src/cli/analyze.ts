// `heddle analyze`: what is wrong with files, with the mesh, or with the mesh once the files are applied.

import { type Command, Option } from "commander";
import { analyze } from "../analyze/analyze.ts";
import type { Finding } from "../analyze/code.ts";
import { ANALYZERS } from "../analyze/registry.ts";
import { isSuppressed, parseSuppression, type Suppression } from "../analyze/suppress.ts";
import { EXIT, Failure } from "../base/failure.ts";
import type { SourceObject } from "../dialect/object.ts";
import { objectsHeld, objectsOfFiles, onTop } from "./analysis-input.ts";
import {
  ANALYSIS_OUTPUTS,
  type AnalysisOutput,
  findingsText,
  LEVELS,
  originText,
  sortFindings,
  summaryText,
} from "./analysis-output.ts";
import { type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { recursiveOption } from "./files-option.ts";
import { meshConfigOption, meshSettings } from "./mesh-settings.ts";
import { readFiles } from "./object-files.ts";
import { print, printError, renderTable, styleOf } from "./terminal.ts";

type Threshold = (typeof LEVELS)[number] | "none";

interface AnalyzeOptions extends ApiOptions {
  readonly namespace: string;
  readonly allNamespaces?: true;
  readonly filename?: readonly string[];
  readonly recursive?: true;
  readonly meshConfig?: string;
  readonly useKube?: UseKube;
  readonly output: AnalysisOutput;
  readonly failureThreshold: Threshold;
  readonly outputThreshold: Threshold;
  readonly suppress?: readonly Suppression[];
  readonly ignoreUnknown?: true;
  readonly listAnalyzers?: true;
}

export function define(command: Command): void {
  command
    .argument("[files...]", "files or folders of YAML or JSON, - for standard input")
    .option("-f, --filename <file...>", "the same")
    .option("-A, --all-namespaces", "the running mesh, all of it")
    .addOption(namespaceOption())
    .addOption(recursiveOption())
    .addOption(useKubeOption())
    .addOption(meshConfigOption())
    .addOption(new Option("-o, --output <form>").choices(ANALYSIS_OUTPUTS).default("log"))
    .addOption(thresholdOption("--failure-threshold <level>", "exit with 79 from this level on", "error", true))
    .addOption(thresholdOption("--output-threshold <level>", "show nothing below this level", "info", false))
    .addOption(suppressOption())
    .option("--ignore-unknown", "say nothing of what cannot be read")
    .option("-L, --list-analyzers", "show what is looked for");
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText("after", HELP);
  command.action((files: readonly string[], options: AnalyzeOptions) => run(files, options));
}

const HELP = `
Files are analyzed alone; with --use-kube on top of what runs, and then only what they change is told. Without files the running
mesh is. Exit code 79 when something is found from --failure-threshold on, 65 when a file cannot be read.
The annotation galley.istio.io/analyze-suppress: CODE,… (* for all) on an object keeps findings about it away.`;

/** What follows the option may be its value, as in istioctl's `--use-kube=false`, or the first file. */
type UseKube = boolean | { readonly file: string };

function useKubeOption(): Option {
  return new Option("-k, --use-kube [boolean]", "files on top of the running mesh")
    .preset("true")
    .argParser(
      (value: string): UseKube => (value === "true" || value === "false" ? value === "true" : { file: value }),
    );
}

function thresholdOption(flags: string, about: string, byDefault: Threshold, none: boolean): Option {
  const levels: readonly string[] = [...LEVELS, ...(none ? ["none"] : [])];
  const names = levels.map((level) => level.charAt(0).toUpperCase() + level.slice(1)).join(", ");
  return new Option(flags, `${about}: ${names}`).default(byDefault).argParser((value: string) => {
    const level = value.toLowerCase();
    if (levels.includes(level)) return level;
    throw new Failure(`no level: ${JSON.stringify(value)}`, { hint: `one of ${names}`, exit: EXIT.usage });
  });
}

function suppressOption(): Option {
  const flags = "-S, --suppress <code=kind name>";
  return new Option(
    flags,
    "keep a code away from an object, as `IST0102=Namespace shop`; repeat it for more",
  ).argParser((value: string, before: readonly Suppression[] = []) => {
    const suppression = parseSuppression(value);
    if (suppression) return [...before, suppression];
    throw new Failure(`--suppress is not CODE=KIND NAME.NAMESPACE: ${JSON.stringify(value)}`, {
      hint: '"IST0101=VirtualService web.shop", "IST0118=Service *"',
      exit: EXIT.usage,
    });
  });
}

async function run(files: readonly string[], options: AnalyzeOptions): Promise<void> {
  if (options.listAnalyzers) return print(listText());
  const { useKube } = options;
  const paths = [...(typeof useKube === "object" ? [useKube.file] : []), ...files, ...(options.filename ?? [])];
  const { findings, unreadable, what } =
    paths.length === 0 ? await analyzeHeld(options) : await analyzeFiles(paths, options);
  const wanted = findings.filter(
    (found) => !(options.suppress ?? []).some((suppression) => isSuppressed(found, suppression)),
  );
  const broken = options.ignoreUnknown ? [] : unreadable;
  await show([...broken, ...wanted], what, options);
  // As istioctl: findings of objects count first, and then that a file could not be read.
  if (wanted.some((found) => reaches(found, options.failureThreshold))) process.exitCode = EXIT.findings;
  else if (broken.length > 0) process.exitCode = EXIT.data;
}

interface Analysis {
  readonly findings: readonly Finding[];
  readonly unreadable: readonly Finding[];
  /** For the sentence that nothing was found in it. */
  readonly what: string;
}

async function analyzeHeld(options: AnalyzeOptions): Promise<Analysis> {
  const settings = meshSettings(options.state, options.meshConfig, [], "warnings");
  const { client } = await openApi(options);
  const findings = analyze(await objectsHeld(client), settings);
  if (options.allNamespaces) return { findings, unreadable: [], what: "all namespaces" };
  const { namespace } = options;
  return {
    findings: findings.filter(({ object }) => !object || namespaceOf(object) === namespace),
    unreadable: [],
    what: `namespace: ${namespace}`,
  };
}

function namespaceOf({ kind, namespace, name }: NonNullable<Finding["object"]>): string {
  return kind === "Namespace" ? name : namespace;
}

async function analyzeFiles(paths: readonly string[], options: AnalyzeOptions): Promise<Analysis> {
  const files = await readFiles(paths, options.recursive === true);
  const { objects, unreadable } = objectsOfFiles(files, options.namespace);
  if (objects.length === 0 && unreadable.length === 0)
    throw new Failure("no object found", { hint: "files with apiVersion, kind and metadata", exit: EXIT.data });
  const settings = meshSettings(options.state, options.meshConfig, objects, "warnings");
  const what = paths.join(", ");
  if (!(options.useKube ?? options.allNamespaces)) return { findings: analyze(objects, settings), unreadable, what };
  const { client } = await openApi(options);
  const held = await objectsHeld(client);
  const findings = analyze(onTop(objects, held), settings);
  if (options.allNamespaces) return { findings, unreadable, what };
  return { findings: concerning(objects, findings, analyze(held, settings)), unreadable, what };
}

/** What is wrong with the written objects, and what became wrong elsewhere because of them. */
function concerning(
  written: readonly SourceObject[],
  findings: readonly Finding[],
  before: readonly Finding[],
): readonly Finding[] {
  const names = new Set(written.map(({ origin }) => originText(origin)));
  const known = new Set(before.map(identity));
  return findings.filter((found) => names.has(originText(found.object)) || !known.has(identity(found)));
}

function identity({ code, object, path, message }: Finding): string {
  return JSON.stringify([code, originText(object), path, message]);
}

function reaches({ severity }: Finding, threshold: Threshold): boolean {
  return threshold !== "none" && LEVELS.indexOf(severity) <= LEVELS.indexOf(threshold);
}

async function show(findings: readonly Finding[], what: string, options: AnalyzeOptions): Promise<void> {
  const { output, outputThreshold } = options;
  const shown = sortFindings(findings).filter((found) => reaches(found, outputThreshold));
  const isForPeople = output === "log" || output === "table";
  if (shown.length > 0 || !isForPeople) await print(findingsText(shown, output, styleOf(process.stdout)));
  if (!isForPeople) return;
  const summary = summaryText(shown);
  const style = styleOf(process.stderr);
  await printError(
    summary ? `${summary} when analyzing ${what}` : style.green(`✔ No validation issues found when analyzing ${what}.`),
  );
}

function listText(): string {
  const rows = ANALYZERS.map(({ name, codes, about }) => [name, codes.join(","), about]);
  return renderTable(["name", "codes", "looks whether"], rows);
}
