// `heddle scope suggest`: the Sidecars that what was seen of the mesh's traffic would need.

import { type Command, Option } from "commander";
import { stringify } from "yaml";
import { Failure } from "../base/failure.ts";
import { stateOption } from "./api-client.ts";
import { dashboardOption, fetchCallers, type MeshOptions } from "./mesh-status.ts";
import { type Granularity, suggestedSidecars } from "./scope-suggestion.ts";
import { print, printError } from "./terminal.ts";
import { name } from "./values.ts";

interface SuggestOptions extends MeshOptions {
  readonly namespace?: string;
  readonly for: Granularity;
  readonly output: "yaml" | "json";
}

export function define(command: Command): void {
  command
    .command("suggest")
    .summary("print the Sidecar objects that the calls of the last hour would need")
    .option("-n, --namespace <name>", "of callers in this namespace alone", name("--namespace"))
    .addOption(new Option("--for <what>", "one for each of these").choices(["namespace", "app"]).default("namespace"))
    .addOption(new Option("-o, --output <form>", "as").choices(["yaml", "json"]).default("yaml"))
    .addOption(dashboardOption())
    .addOption(stateOption())
    .addHelpText(
      "after",
      "\nNothing is changed. What was not called meanwhile is not in it: read it before you apply it.",
    )
    .action((options: SuggestOptions) => suggest(options));
}

async function suggest(options: SuggestOptions): Promise<void> {
  const callers = await fetchCallers(options);
  const all = suggestedSidecars(callers, options.for);
  const sidecars = all.filter(({ metadata }) => [undefined, metadata.namespace].includes(options.namespace));
  if (sidecars.length === 0)
    throw new Failure("nobody was seen calling anybody", {
      hint: "let the mesh serve what it serves, and ask again within the hour",
    });
  if (callers.truncated) printError("warning: more was called than the control plane remembers; hosts are missing");
  await print(
    options.output === "json"
      ? JSON.stringify({ apiVersion: "v1", kind: "List", items: sidecars }, undefined, 2)
      : sidecars.map((sidecar) => stringify(sidecar)).join("---\n"),
  );
}
