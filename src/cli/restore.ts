// `heddle restore FILE`: a backup takes the store's place; what was there is kept beside it.

import type { Command } from "commander";
import { restoreStore } from "../kube/store/backup.ts";
import { stateOption } from "./api-client.ts";
import { stateFolder, statePaths } from "./state-folder.ts";
import { print } from "./terminal.ts";

export function define(command: Command): void {
  command
    .argument("<file>", "a backup that `heddle backup` made")
    .addOption(stateOption())
    .action(async (file: string, { state }: { readonly state?: string }) => {
      const { store } = statePaths(stateFolder(state));
      const kept = restoreStore(file, store);
      await print(`${file} restored to ${store}${kept === undefined ? "" : `; what was there is in ${kept}`}`);
    });
}
