// Checks of the folder that a control plane keeps its keys and objects in.

import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type CheckResult, failed, passed, warned } from "./checks.ts";
import { statePaths } from "./state-folder.ts";

/** Below this a store that grows by some kilobytes an object will not go on for long. */
const LOW_SPACE_BYTES = 64 * 1024 * 1024;

export function checkState(folder: string): readonly CheckResult[] {
  if (!existsSync(folder)) {
    return [warned(`there is no state folder ${folder}`, "`heddle up` makes it; --state names another")];
  }
  return [checkWritable(folder), checkSpace(folder), ...checkPrivacy(folder)];
}

function checkWritable(folder: string): CheckResult {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return passed(`the state folder ${folder} can be written`);
  } catch {
    return failed(`the state folder ${folder} cannot be written`, "check its owner and permissions");
  }
}

function checkSpace(folder: string): CheckResult {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const shown = `${Math.floor(free / 1024 / 1024)} MiB`;
  return free >= LOW_SPACE_BYTES
    ? passed(`${shown} are free for it`)
    : failed(`only ${shown} are free for it`, "free some space");
}

/** Keys and Secrets are nobody else's: folders 0700, files 0600. */
function checkPrivacy(folder: string): readonly CheckResult[] {
  const { store, authority } = statePaths(folder);
  const files = [store, ...(existsSync(authority) ? readdirSync(authority).map((name) => join(authority, name)) : [])];
  const open = [folder, authority, ...files].filter((path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0);
  if (open.length === 0) return [passed("keys and objects can be read by nobody else")];
  return open.map((path) => failed(`${path} can be read by others`, `chmod go= ${path}`));
}
