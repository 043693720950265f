// `heddle backup FILE`: a consistent copy of the store, also while a control plane runs.

import type { Command } from "commander";
import { backupStore } from "../kube/store/backup.ts";
import { stateOption } from "./api-client.ts";
import { stateFolder, statePaths } from "./state-folder.ts";
import { print } from "./terminal.ts";

export function define(command: Command): void {
  command
    .argument("<file>", "to be made; it must not exist")
    .addOption(stateOption())
    .addHelpText(
      "after",
      "\nThe backup holds the objects. The authority's keys, in the folder `ca` beside the store, are yours to keep.",
    )
    .action(async (file: string, { state }: { readonly state?: string }) => {
      backupStore(statePaths(stateFolder(state)).store, file);
      await print(`backup written to ${file}`);
    });
}
