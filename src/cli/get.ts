// `heddle get KIND [NAME]`: objects as the API's own table, or as they are.

import { type Command, Option } from "commander";
import { stringify } from "yaml";
import { EXIT, Failure } from "../base/failure.ts";
import type { KubeObject } from "../kube/object.ts";
import { hasReason, notFound } from "../kube/status.ts";
import { type Api, type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { kindNamed } from "./kinds.ts";
import { dashboardOption, type MeshOptions } from "./mesh-status.ts";
import { OUTPUTS, type Output, objectText, readable, type Wanted } from "./object-output.ts";
import { fetchTable, tableText } from "./object-table.ts";
import { print, printError } from "./terminal.ts";
import { watchObjects } from "./watch-objects.ts";
import { tableWith, together, watchedObjects } from "./watched-objects.ts";

interface GetOptions extends ApiOptions, MeshOptions {
  readonly namespace: string;
  readonly allNamespaces?: true;
  readonly selector?: string;
  readonly output: Output;
  readonly watch?: true;
}

export function define(command: Command): void {
  command
    .argument("<kind>", "as `virtualservice`, `vs`, `pods`")
    .argument("[name]")
    .addOption(namespaceOption())
    .option("-A, --all-namespaces", "of every namespace")
    .option("-l, --selector <labels>", "as `app=golden-signal,version!=v1`")
    .addOption(new Option("-o, --output <form>").choices(OUTPUTS).default("table"))
    .option("-w, --watch", "go on and show changes as they come")
    .addOption(dashboardOption());
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText(
    "after",
    "\nObjects of the folder that `heddle up --config` watches are shown, too, with what the control plane says of them.",
  );
  command.action((kind: string, name: string | undefined, options: GetOptions) => get(kind, name, options));
}

async function get(kind: string, name: string | undefined, options: GetOptions): Promise<void> {
  const type = kindNamed(kind);
  if (name !== undefined && (options.allNamespaces || options.selector !== undefined)) {
    throw new Failure("a name and --all-namespaces or --selector exclude each other", { exit: EXIT.usage });
  }
  const namespace = options.allNamespaces || !type.namespaced ? "" : options.namespace;
  const wanted: Wanted = { type, namespace, name: name ?? "", selector: options.selector };
  const api = await openApi(options);
  if (options.watch) await watchObjects(api, wanted, options.output);
  else if (options.output === "table" || options.output === "wide") await printTable(api, wanted, options);
  else await printObjects(api, wanted, options);
}

async function printTable(api: Api, wanted: Wanted, options: GetOptions): Promise<void> {
  const { output } = options;
  const watched = await watchedObjects(wanted, options);
  const held = await fetchTable(api.connection, wanted).catch(unlessAmong(watched, undefined));
  const table = await tableWith(held, watched, wanted.type);
  if (table.rows.length > 0)
    return print(
      tableText(table, { wide: output === "wide", namespaces: wanted.namespace === "" && wanted.type.namespaced }),
    );
  const place = wanted.namespace === "" ? "" : ` in namespace ${wanted.namespace}`;
  await printError(`no ${wanted.type.plural} found${place}`);
}

/** One that is asked for by name may be in the folder alone. */
function unlessAmong<T>(watched: readonly KubeObject[], instead: T): (thrown: unknown) => T {
  return (thrown) => {
    if (watched.length > 0 && hasReason(thrown, "NotFound")) return instead;
    throw thrown;
  };
}

async function printObjects({ client }: Api, wanted: Wanted, options: GetOptions): Promise<void> {
  const { type, namespace, name, selector } = wanted;
  const output = options.output as "json" | "yaml" | "name";
  const watched = await watchedObjects(wanted, options);
  if (name !== "") {
    const object = (await client.get(type, { namespace, name })) ?? watched[0];
    if (!object) throw notFound(type, name);
    return print(objectText(type, object, output));
  }
  const { objects: held } = await client.list(type, {
    ...(namespace === "" ? {} : { namespace }),
    ...(selector === undefined ? {} : { labelSelector: selector }),
  });
  const objects = together(held, watched);
  if (output === "name") {
    if (objects.length > 0) await print(objects.map((object) => objectText(type, object, output)).join("\n"));
    return;
  }
  const list = { apiVersion: "v1", kind: "List", items: objects.map(readable) };
  await print(output === "json" ? JSON.stringify(list, null, 2) : stringify(list).trimEnd());
}
