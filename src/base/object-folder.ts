// The files of a folder that may hold objects: those that the control plane watches, and that its commands look in.

import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";

const YAML_FILE = /\.(?:ya?ml|json)$/i;
/** `..data` and the folder it leads to, where Kubernetes keeps what the links of a mounted ConfigMap show; `.git`; editors' own files. */
const HIDDEN = /^\./;
/** Folders of folders deeper than this are a mistake. */
const MAX_FOLDERS = 32;

/** Below a folder, links followed: `inside` are the folders on the way, so that one which leads back up is not. Throws where it cannot be read. */
export function filesBelow(folder: string, inside: readonly string[] = []): readonly string[] {
  const own = realpathSync(folder);
  if (inside.includes(own) || inside.length > MAX_FOLDERS) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (HIDDEN.test(entry.name)) return [];
    // A folder of a file's name stands where a file is missed: reading it says so.
    const files = YAML_FILE.test(entry.name) ? [path] : [];
    return isFolder(entry, path) ? [...files, ...filesBelow(path, [...inside, own])] : files;
  });
}

function isFolder(entry: Dirent, path: string): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // a link to nothing, or to itself: reading it says so
  }
}
