// `heddle apply -f FILE…`: everything is read and judged first, so that a mistake anywhere changes nothing; then it is applied.

import { type Command, Option } from "commander";
import { changedTogether } from "../analyze/together.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import type { SourceObject } from "../dialect/object.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { asObject, type KubeObject } from "../kube/object.ts";
import { resource } from "../kube/resources.ts";
import type { MeshSettings } from "../model/settings.ts";
import { type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { diagnosticsText, refusedFiles } from "./failure-report.ts";
import { judgeAlone, judgeEach, judgeTogether, objectsInForce } from "./judge.ts";
import { shownName } from "./kinds.ts";
import { meshSettings } from "./mesh-settings.ts";
import { type AwaitedObject, awaitCondition, isJudged, PROGRAMMED } from "./object-condition.ts";
import { readFiles } from "./object-files.ts";
import { print, printError, styleOf } from "./terminal.ts";
import { duration, required } from "./values.ts";
import { DEFAULT_WAIT_MS } from "./wait.ts";
import { readWritten, type WrittenObject } from "./written-objects.ts";

interface ApplyOptions extends ApiOptions {
  readonly filename?: readonly string[];
  readonly namespace: string;
  /** kubectl's; both of the first ask the server. */
  readonly dryRun?: "server" | "client" | "none";
  readonly wait?: true;
  readonly timeout: number;
}

export function define(command: Command): void {
  command
    .option("-f, --filename <file...>", "files or folders of YAML or JSON, - for standard input")
    .addOption(namespaceOption())
    .addOption(
      new Option("--dry-run [mode]", "judge, and show what would be done, but do nothing")
        .choices(["server", "client", "none"])
        .preset("server"),
    )
    .option("--wait", "until every proxy that they concern has them")
    .addOption(
      new Option("--timeout <duration>", "how long to wait with --wait")
        .argParser(duration("--timeout", 0))
        .default(DEFAULT_WAIT_MS, "30s"),
    );
  for (const option of apiOptions()) command.addOption(option);
  command.action((options: ApplyOptions) => apply(options));
}

async function apply(options: ApplyOptions): Promise<void> {
  const settings = meshSettings(options.state);
  const { objects, diagnostics } = readWritten(
    await readFiles(required(options.filename, "-f FILE")),
    options.namespace,
    judgeAlone,
  );
  await refuse([...diagnostics, ...judgeEach(objects, settings)]);
  if (objects.length === 0) {
    throw new Failure("no object found", { hint: "files with apiVersion, kind and metadata", exit: EXIT.data });
  }
  const { client } = await openApi(options);
  const inForce = await objectsInForce(client);
  await refuse(judgeTogether(objects, inForce, settings));
  const ordered = namespacesFirst(objects);
  const together = togetherOf(objects, inForce, settings);
  await rehearse(client, ordered, together);
  for (const written of ordered) await print(await applyObject(client, written, together, isRehearsal(options)));
  if (options.wait && !isRehearsal(options)) await programmed(client, ordered, options.timeout);
}

function isRehearsal({ dryRun }: ApplyOptions): boolean {
  return dryRun === "server" || dryRun === "client";
}

async function programmed(client: KubeClient, objects: readonly WrittenObject[], timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const find = ({ type, name }: AwaitedObject) => client.get(type, name);
  for (const { type, source } of objects)
    if (isJudged(type)) await awaitCondition(find, { type, name: source.origin }, PROGRAMMED, deadline);
}

/** Prints what was found; throws when an error is among it. */
async function refuse(diagnostics: readonly Diagnostic[]): Promise<void> {
  if (diagnostics.length > 0) await printError(diagnosticsText(diagnostics, styleOf(process.stderr)));
  const refused = refusedFiles(diagnostics, "nothing was applied");
  if (refused) throw refused;
}

function namespacesFirst(objects: readonly WrittenObject[]): readonly WrittenObject[] {
  const isNamespace = ({ type }: WrittenObject) => type === resource.namespaces;
  return [...objects.filter(isNamespace), ...objects.filter((written) => !isNamespace(written))];
}

/** What else is changed with an object. */
export type Together = (written: WrittenObject) => readonly string[];

/** A line of a request has its limits. Who changes more at once is judged by what is there, object by object. */
const MAX_TOGETHER = 50;

/** The set was judged as a whole: the server, which sees one object at a time, is told of the others that give up what it claims. */
export function togetherOf(
  objects: readonly WrittenObject[],
  inForce: readonly SourceObject[],
  settings: MeshSettings,
): Together {
  const changed = changedTogether(
    objects.map(({ source }) => source),
    inForce,
    settings,
    MAX_TOGETHER,
  );
  return ({ source }) => changed.get(source.key) ?? [];
}

/** What an apply would leave behind: the server merges it with what is there, and does nothing. Rejects when the server refuses it. */
export async function rehearsed(client: KubeClient, written: WrittenObject, together: Together): Promise<KubeObject> {
  return client.apply(written.type, sent(written), { dryRun: true, force: true, together: together(written) });
}

/**
 * The object as it is sent: without what a server adds, so that the output of `get` can be applied again, after a status was written, too:
 * that makes another resourceVersion.
 */
function sent({ source }: WrittenObject): KubeObject {
  const { status: _, ...object } = asObject(source.value as never);
  const { managedFields, creationTimestamp, generation, uid, resourceVersion, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Lets the server judge every object before the first is changed. Those in a namespace that is yet to be made it cannot. */
async function rehearse(client: KubeClient, objects: readonly WrittenObject[], together: Together): Promise<void> {
  const newNamespaces = new Set(
    objects.filter(({ type }) => type === resource.namespaces).map(({ source }) => source.origin.name),
  );
  for (const written of objects) {
    if (written.type.namespaced && newNamespaces.has(written.source.origin.namespace)) continue;
    await rehearsed(client, written, together);
  }
}

async function applyObject(
  client: KubeClient,
  written: WrittenObject,
  together: Together,
  dryRun: boolean,
): Promise<string> {
  const { type, source } = written;
  const { namespace, name: objectName } = source.origin;
  const before = await client.get(type, { namespace: type.namespaced ? namespace : "", name: objectName });
  const after = await client.apply(type, sent(written), { force: true, dryRun, together: together(written) });
  const isSame = before !== undefined && sameContent(before, after);
  const verb = !before ? "created" : isSame ? "unchanged" : "configured";
  return `${shownName(type, objectName)} ${verb}${dryRun ? " (dry run)" : ""}`;
}

/** A dry run never makes a new version, and the control plane may write a status in between: what a person wrote is compared. */
function sameContent(before: KubeObject, after: KubeObject): boolean {
  const content = ({ metadata, status: _, ...rest }: KubeObject) => {
    const { managedFields, resourceVersion, generation, ...kept } = metadata;
    return { ...rest, metadata: kept };
  };
  return Bun.deepEquals(content(before), content(after));
}
