// `heddle get KIND [NAME]`: objects as the API's own table, or as they are.

import { type Command, Option } from "commander";
import { stringify } from "yaml";
import { EXIT, Failure } from "../base/failure.ts";
import { notFound } from "../kube/status.ts";
import { type Api, type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { kindNamed } from "./kinds.ts";
import { OUTPUTS, type Output, objectText, readable, type Wanted } from "./object-output.ts";
import { fetchTable, tableText } from "./object-table.ts";
import { print, printError } from "./terminal.ts";
import { watchObjects } from "./watch-objects.ts";

interface GetOptions extends ApiOptions {
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
    .option("-w, --watch", "go on and show changes as they come");
  for (const option of apiOptions()) command.addOption(option);
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
  else if (options.output === "table" || options.output === "wide") await printTable(api, wanted, options.output);
  else await printObjects(api, wanted, options.output);
}

async function printTable(api: Api, wanted: Wanted, output: "table" | "wide"): Promise<void> {
  const table = await fetchTable(api.connection, wanted);
  if (table.rows.length > 0)
    return print(
      tableText(table, { wide: output === "wide", namespaces: wanted.namespace === "" && wanted.type.namespaced }),
    );
  const place = wanted.namespace === "" ? "" : ` in namespace ${wanted.namespace}`;
  await printError(`no ${wanted.type.plural} found${place}`);
}

async function printObjects({ client }: Api, wanted: Wanted, output: "json" | "yaml" | "name"): Promise<void> {
  const { type, namespace, name, selector } = wanted;
  if (name !== "") {
    const object = await client.get(type, { namespace, name });
    if (!object) throw notFound(type, name);
    return print(objectText(type, object, output));
  }
  const { objects } = await client.list(type, {
    ...(namespace === "" ? {} : { namespace }),
    ...(selector === undefined ? {} : { labelSelector: selector }),
  });
  if (output === "name") {
    if (objects.length > 0) await print(objects.map((object) => objectText(type, object, output)).join("\n"));
    return;
  }
  const list = { apiVersion: "v1", kind: "List", items: objects.map(readable) };
  await print(output === "json" ? JSON.stringify(list, null, 2) : stringify(list).trimEnd());
}
