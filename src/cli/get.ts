// `heddle get KIND [NAME…]`: objects as the API's own table, or as they are.

import type { Command } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resources.ts";
import { hasReason, notFound } from "../kube/status.ts";
import { type Api, type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { failureText } from "./failure-report.ts";
import { type Target, targetsOf } from "./get-targets.ts";
import { shownName } from "./kinds.ts";
import { dashboardOption, type MeshOptions } from "./mesh-status.ts";
import { insteadOfNamespace, withNearest } from "./missing-object.ts";
import { columnsText } from "./object-columns.ts";
import {
  documentText,
  isTable,
  type Output,
  objectText,
  outputOption,
  readable,
  type Wanted,
} from "./object-output.ts";
import { fetchTable, type Table, tableText } from "./object-table.ts";
import { folderWatched } from "./objects-in-force.ts";
import { print, printError, printRaw, styleOf } from "./terminal.ts";
import { watchObjects } from "./watch-objects.ts";
import { tableWith, together, watchedObjects } from "./watched-objects.ts";

interface GetOptions extends ApiOptions, MeshOptions {
  readonly namespace: string;
  readonly allNamespaces?: true;
  readonly selector?: string;
  readonly output: Output;
  readonly headers: boolean;
  readonly watch?: true;
}

export function define(command: Command): void {
  command
    .argument(
      "<kinds>",
      "as `virtualservice`, `vs`, `pods`; several as `vs,dr`, `vs/web dr/web`, or a category: `all`, `istio-io`",
    )
    .argument("[name...]", "of objects of that kind")
    .addOption(namespaceOption())
    .option("-A, --all-namespaces", "of every namespace")
    .option("-l, --selector <labels>", "as `app=golden-signal,version!=v1`")
    .addOption(outputOption())
    .option("--no-headers", "tables without the line of headings")
    .option("-w, --watch", "go on and show changes as they come")
    .addOption(dashboardOption());
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText(
    "after",
    "\nObjects of the folder that `heddle up --config` watches are shown, too, with what the control plane says of them.",
  );
  command.action((kind: string, names: readonly string[], options: GetOptions) => get(kind, names, options));
}

async function get(kind: string, names: readonly string[], options: GetOptions): Promise<void> {
  const targets = targetsOf(kind, names);
  const isNamed = targets.some((target) => target.names.length > 0);
  if (isNamed && (options.allNamespaces || options.selector !== undefined))
    throw new Failure("a name and --all-namespaces or --selector exclude each other", { exit: EXIT.usage });
  const api = await openApi(options);
  if (options.watch) await watch(api, targets, options);
  else if (isTable(options.output)) await printTables(api, targets, options);
  else await printObjects(api, targets, options);
}

function wantedOf({ type }: Target, name: string, options: GetOptions): Wanted {
  const namespace = options.allNamespaces || !type.namespaced ? "" : options.namespace;
  return { type, namespace, name, selector: options.selector };
}

async function watch(api: Api, targets: readonly Target[], options: GetOptions): Promise<void> {
  const [target, ...others] = targets;
  if (target === undefined || others.length > 0 || target.names.length > 1)
    throw new Failure("--watch is of one kind, or of one object", { hint: "heddle get vs -w", exit: EXIT.usage });
  const wanted = wantedOf(target, target.names[0] ?? "", options);
  const look = folderWatched(options) === undefined ? undefined : () => watchedObjects(wanted, options);
  await watchObjects(api, wanted, options.output, look);
}

/** What is there; of names that are not, what is said of each, once the others are shown. */
interface Found<T> {
  readonly members: readonly T[];
  readonly missing: readonly unknown[];
}

/** All of a kind, or each of its names. */
async function found<T>(
  { client }: Api,
  target: Target,
  options: GetOptions,
  find: (name: string) => Promise<T>,
): Promise<Found<T>> {
  if (target.names.length === 0) return { members: [await find("")], missing: [] };
  const members: T[] = [];
  const missing: unknown[] = [];
  for (const name of target.names) {
    try {
      members.push(await find(name));
    } catch (thrown) {
      if (!hasReason(thrown, "NotFound")) throw thrown;
      missing.push(await withNearest(thrown, client, target.type, wantedOf(target, name, options)));
    }
  }
  return { members, missing };
}

/** Throws for the first that is missing, and tells the others. */
async function tellMissing(missing: readonly unknown[]): Promise<void> {
  const style = styleOf(process.stderr);
  for (const thrown of missing.slice(0, -1)) await printError(failureText(thrown, style, false));
  if (missing.length > 0) throw missing.at(-1);
}

async function printTables(api: Api, targets: readonly Target[], options: GetOptions): Promise<void> {
  const missing: unknown[] = [];
  const texts: string[] = [];
  for (const target of targets) {
    const tables = await found(api, target, options, (name) => tableOf(api, wantedOf(target, name, options), options));
    missing.push(...tables.missing);
    const [first] = tables.members;
    const rows = tables.members.flatMap((table) => table.rows);
    if (!first || rows.length === 0) continue;
    const table = targets.length > 1 ? withKinds({ ...first, rows }, target.type) : { ...first, rows };
    const { namespace } = wantedOf(target, "", options);
    const namespaces = namespace === "" && target.type.namespaced;
    texts.push(tableText(table, { wide: options.output.kind === "wide", namespaces }, options.headers));
  }
  if (texts.length > 0) await print(texts.join("\n\n"));
  else if (missing.length === 0) await printNothing(api, targets, options);
  await tellMissing(missing);
}

async function tableOf(api: Api, wanted: Wanted, options: GetOptions): Promise<Table> {
  const watched = await watchedObjects(wanted, options);
  const held = await fetchTable(api.connection, wanted).catch(unlessAmong(watched, undefined));
  return tableWith(held, watched, wanted.type);
}

/** As kubectl where it shows several kinds: its first column is the name. */
function withKinds(table: Table, type: ResourceType): Table {
  const named = ([name, ...cells]: readonly unknown[]) => [shownName(type, String(name)), ...cells];
  return { ...table, rows: table.rows.map((row) => ({ ...row, cells: named(row.cells) })) };
}

async function printNothing({ client }: Api, targets: readonly Target[], options: GetOptions): Promise<void> {
  const few = targets.length <= 3 ? targets.map(({ type }) => type.plural) : ["objects of these kinds"];
  const kinds = few.join(" and no ");
  const isPlaced = targets.some((target) => wantedOf(target, "", options).namespace !== "");
  if (!isPlaced) return printError(`no ${kinds} found`);
  const text = `no ${kinds} found in namespace ${options.namespace}`;
  const instead = await insteadOfNamespace(client, options.namespace);
  await printError(instead === undefined ? text : `${text}: there is no such namespace\n  try: ${instead}`);
}

/** One that is asked for by name may be in the folder alone. */
function unlessAmong<T>(watched: readonly KubeObject[], instead: T): (thrown: unknown) => T {
  return (thrown) => {
    if (watched.length > 0 && hasReason(thrown, "NotFound")) return instead;
    throw thrown;
  };
}

async function printObjects(api: Api, targets: readonly Target[], options: GetOptions): Promise<void> {
  const missing: unknown[] = [];
  const members: Member[] = [];
  for (const target of targets) {
    const { type, names } = target;
    const objects = await found(api, target, options, (name) => {
      const wanted = wantedOf(target, name, options);
      return names.length > 0 ? objectCalled(api, wanted, options) : objectsOf(api, wanted, options);
    });
    missing.push(...objects.missing);
    members.push(...objects.members.flat().map((object) => ({ type, object })));
  }
  const [first] = members;
  if (first) await printMembers(members, targets.length === 1 && targets[0]?.names.length === 1, options);
  else if (missing.length === 0) await printNone(api, targets, options);
  await tellMissing(missing);
}

interface Member {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

/** `isOne`: one was asked for by its name, and is no list. */
async function printMembers(members: readonly Member[], isOne: boolean, options: GetOptions): Promise<void> {
  const { output, headers } = options;
  if (output.kind === "name")
    return print(members.map(({ type, object }) => objectText(type, object, output)).join("\n"));
  const objects = members.map(({ object }) => readable(object));
  if (output.kind === "columns") return print(columnsText(output.columns, objects, headers));
  const [only] = objects;
  const text = documentText(isOne && only ? only : listOf(objects), output);
  // Of a template nothing is there that it does not write, as in kubectl.
  await (output.kind === "jsonpath" ? printRaw(text) : print(text));
}

function listOf(items: readonly KubeObject[]) {
  return { apiVersion: "v1", kind: "List", items };
}

/** An empty list is one for programs; people are told. */
async function printNone(api: Api, targets: readonly Target[], options: GetOptions): Promise<void> {
  const { output } = options;
  const isDocument = output.kind !== "name" && output.kind !== "columns";
  if (isDocument && targets.every(({ names }) => names.length === 0)) await printMembers([], false, options);
  else await printNothing(api, targets, options);
}

async function objectCalled({ client }: Api, wanted: Wanted, options: GetOptions): Promise<readonly KubeObject[]> {
  const { type, namespace, name } = wanted;
  const object = (await client.get(type, { namespace, name })) ?? (await watchedObjects(wanted, options))[0];
  if (object) return [object];
  throw notFound(type, name);
}

async function objectsOf({ client }: Api, wanted: Wanted, options: GetOptions): Promise<readonly KubeObject[]> {
  const { type, namespace, selector } = wanted;
  const { objects } = await client.list(type, {
    ...(namespace === "" ? {} : { namespace }),
    ...(selector === undefined ? {} : { labelSelector: selector }),
  });
  return together(objects, await watchedObjects(wanted, options));
}
