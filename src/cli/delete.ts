// `heddle delete KIND NAME…` and `heddle delete -f FILE…`.

import type { Command } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import type { ResourceType } from "../kube/resources.ts";
import { type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { diagnosticsText, refusedFiles } from "./failure-report.ts";
import { targetsOf } from "./get-targets.ts";
import { kindNamed } from "./kinds.ts";
import { nearestObject } from "./missing-object.ts";
import { readFiles } from "./object-files.ts";
import { print, printError, styleOf } from "./terminal.ts";
import { readWritten } from "./written-objects.ts";

interface DeleteOptions extends ApiOptions {
  readonly filename?: readonly string[];
  readonly namespace: string;
  readonly ignoreNotFound?: true;
}

interface Doomed {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
}

export function define(command: Command): void {
  command
    .argument("[kind]", "as `virtualservice`, `vs`; or `vs/web dr/web`")
    .argument("[name...]", "of objects of that kind")
    .option("-f, --filename <file...>", "the objects of these files, - for standard input")
    .addOption(namespaceOption())
    .option("--ignore-not-found", "what does not exist is no failure");
  for (const option of apiOptions()) command.addOption(option);
  command.action((kind: string | undefined, names: readonly string[], options: DeleteOptions) =>
    deleteObjects(kind, names, options),
  );
}

async function deleteObjects(
  kind: string | undefined,
  names: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  const doomed = options.filename ? await inFiles(options.filename, options) : named(kind, names, options);
  const { client } = await openApi(options);
  let missing = 0;
  for (const { type, namespace, name } of doomed) {
    const existed = await client.delete(type, { namespace: type.namespaced ? namespace : "", name });
    const shown = `${type.singular}${type.group === "" ? "" : `.${type.group}`} ${JSON.stringify(name)}`;
    if (existed) await print(`${shown} deleted`);
    else if (!options.ignoreNotFound) {
      missing++;
      const near = await nearestObject(client, type, { namespace, name });
      const where = type.namespaced ? ` in namespace ${namespace}` : "";
      await printError(`${shown} not found${where}${near === undefined ? "" : `\n  try: ${near}`}`);
    }
  }
  if (missing > 0) process.exitCode = EXIT.failure;
}

function named(kind: string | undefined, names: readonly string[], { namespace }: DeleteOptions): readonly Doomed[] {
  const pairs = [kind ?? "", ...names];
  if (pairs.every((pair) => /^[^/]+\/[^/]+$/.test(pair)))
    return targetsOf(pairs[0]!, names).flatMap((target) =>
      target.names.map((name) => ({ type: target.type, namespace, name })),
    );
  if (kind === undefined || names.length === 0) {
    throw new Failure("nothing named to delete", {
      hint: "heddle delete virtualservice golden-signal, or heddle delete -f FILE",
      exit: EXIT.usage,
    });
  }
  const type = kindNamed(kind);
  return names.map((name) => ({ type, namespace, name }));
}

/** Only kind and name count: an object with a mistake in its fields can be deleted. */
async function inFiles(paths: readonly string[], { namespace }: DeleteOptions): Promise<readonly Doomed[]> {
  const { objects, diagnostics } = readWritten(await readFiles(paths), namespace);
  if (diagnostics.length > 0) await printError(diagnosticsText(diagnostics, styleOf(process.stderr)));
  const refused = refusedFiles(diagnostics, "nothing was deleted");
  if (refused) throw refused;
  return objects.map(({ type, source }) => ({ type, namespace: source.origin.namespace, name: source.origin.name }));
}
