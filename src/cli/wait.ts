// `heddle wait --for=programmed KIND/NAME…`: returns when the condition is met, fails when it is not in time.

import { type Command, Option } from "commander";
import { EXIT, Failure } from "../base/failure.ts";
import { type Api, type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { diagnosticsText, refusedFiles } from "./failure-report.ts";
import { kindNamed, shownName } from "./kinds.ts";
import { dashboardOption, type MeshOptions } from "./mesh-status.ts";
import { withNearest } from "./missing-object.ts";
import {
  type AwaitedCondition,
  type AwaitedObject,
  awaitCondition,
  awaitedCondition,
  type Find,
  isJudged,
  type StatusCondition,
} from "./object-condition.ts";
import { readFiles } from "./object-files.ts";
import { print, printError, styleOf } from "./terminal.ts";
import { duration } from "./values.ts";
import { watchedObjects } from "./watched-objects.ts";
import { readWritten, type WrittenObject } from "./written-objects.ts";

interface WaitOptions extends ApiOptions, MeshOptions {
  readonly for: AwaitedCondition;
  readonly filename?: readonly string[];
  readonly namespace: string;
  readonly timeout: number;
}

export const DEFAULT_WAIT_MS = 30_000;

export function define(command: Command): void {
  command
    .argument("[objects...]", "KIND/NAME, as `vs/web`, or a kind and then names")
    .addOption(
      new Option(
        "--for <condition>",
        "programmed (istioctl's distribution), accepted, create, delete, condition=TYPE[=STATUS], or jsonpath='{PATH}'[=VALUE]",
      )
        .argParser(awaitedCondition)
        .default(awaitedCondition("programmed"), "programmed"),
    )
    .option("-f, --filename <file...>", "the objects of files or folders, - for standard input")
    .addOption(namespaceOption())
    .addOption(
      new Option("--timeout <duration>", "how long to wait, for all of them together")
        .argParser(duration("--timeout", 0))
        .default(DEFAULT_WAIT_MS, "30s"),
    )
    .addOption(dashboardOption());
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText(
    "after",
    "\nExit codes: 0 met, 1 timed out or not there, 65 rejected. Example: heddle wait --for=programmed vs/web --timeout 10s",
  );
  command.action((names: readonly string[], options: WaitOptions) => wait(names, options));
}

async function wait(names: readonly string[], options: WaitOptions): Promise<void> {
  const objects = [...pairsOf(names).map((pair) => named(pair, options)), ...(await ofFiles(options))];
  if (objects.length === 0) {
    throw new Failure("nothing to wait for", { hint: "heddle wait vs/web, or -f FILE", exit: EXIT.usage });
  }
  const api = await openApi(options);
  const find = finder(api, options);
  const deadline = performance.now() + options.timeout;
  for (const object of objects) {
    await awaitCondition(find, object, options.for, deadline).catch(async (thrown: unknown) => {
      throw await withNearest(thrown, api.client, object.type, object.name);
    });
    await print(`${shownName(object.type, object.name.name)} condition met`);
  }
}

/** In the API, or else in the folder that the control plane watches. Names of Istio's kinds may have dots: istioctl's `NAME.NAMESPACE` comes second. */
function finder({ client }: Api, options: WaitOptions): Find {
  const called = async ({ type, name }: AwaitedObject) =>
    (await client.get(type, name)) ?? (await watchedObjects({ type, ...name, selector: undefined }, options))[0];
  return async (object) => {
    const found = await called(object);
    const { type, name } = object;
    const dot = name.name.lastIndexOf(".");
    if (found || !type.namespaced || dot <= 0) return found;
    return called({ type, name: { namespace: name.name.slice(dot + 1), name: name.name.slice(0, dot) } });
  };
}

/** As kubectl, `vs web api` for `vs/web vs/api`. */
function pairsOf(names: readonly string[]): readonly string[] {
  const [kind = "", ...others] = names;
  return others.length > 0 && !names.some((name) => name.includes("/"))
    ? others.map((name) => `${kind}/${name}`)
    : names;
}

/** The control plane's own, of objects that it judges. */
const MESH_CONDITIONS = ["accepted", "programmed"];

function isMeshs({ type }: StatusCondition): boolean {
  return MESH_CONDITIONS.includes(type.toLowerCase());
}

function named(text: string, { namespace, for: condition }: WaitOptions): AwaitedObject {
  const [kind = "", name = "", ...rest] = text.split("/");
  if (name === "" || rest.length > 0) {
    throw new Failure(`not KIND/NAME: ${JSON.stringify(text)}`, { hint: "vs/web", exit: EXIT.usage });
  }
  const type = kindNamed(kind);
  if (condition.kind === "condition" && !isJudged(type) && isMeshs(condition)) {
    throw new Failure(`the control plane says nothing of ${condition.type} about a ${type.kind}`, {
      hint: "an object of Istio's kinds other than WorkloadEntry, as vs/web, or another --for=condition=TYPE",
      exit: EXIT.usage,
    });
  }
  return { type, name: { namespace: type.namespaced ? namespace : "", name } };
}

/** A Service has none of the control plane's conditions. */
async function ofFiles({ filename, namespace, for: condition }: WaitOptions): Promise<readonly AwaitedObject[]> {
  if (filename === undefined) return [];
  const { objects, diagnostics } = readWritten(await readFiles(filename), namespace);
  if (diagnostics.length > 0) await printError(diagnosticsText(diagnostics, styleOf(process.stderr)));
  const refused = refusedFiles(diagnostics, "nothing was waited for");
  if (refused) throw refused;
  const hasIt = ({ type }: WrittenObject) => condition.kind !== "condition" || isJudged(type) || !isMeshs(condition);
  return objects.filter(hasIt).map(({ type, source }) => ({ type, name: source.origin }));
}
