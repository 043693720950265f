// The objects that a running control plane compiles: what its API holds, and what is in the folder that it watches, which counts more.

import { statSync } from "node:fs";
import { filesBelow } from "../base/object-folder.ts";
import { addressedServices, WATCHED } from "../dialect/kubernetes/service-addresses.ts";
import type { TextFile } from "../dialect/load.ts";
import type { SourceObject } from "../dialect/object.ts";
import { objectsHeld, objectsOfFiles, onTop } from "./analysis-input.ts";
import { type ApiOptions, openApi } from "./api-client.ts";
import { readFile } from "./object-files.ts";
import { readNote, stateFolder } from "./state-folder.ts";

/** Rejects with a Failure when nothing answers. */
export async function objectsInForce(options: ApiOptions): Promise<readonly SourceObject[]> {
  const { client } = await openApi(options);
  const held = await objectsHeld(client);
  const watched = objectsWatched(options);
  return watched.length === 0 ? held : onTop(watched, held);
}

/** Those of the folder, as the control plane has them. What cannot be read is left out, as the control plane leaves it out. */
export function objectsWatched(options: ApiOptions): readonly SourceObject[] {
  const folder = folderWatched(options);
  return folder === undefined ? [] : addressedServices(objectsOfFiles(filesIn(folder), "default").objects, WATCHED);
}

/** Undefined where another's API is asked, and where the control plane watches none. */
export function folderWatched({ server, state }: ApiOptions): string | undefined {
  return server === undefined ? readNote(stateFolder(state))?.config : undefined;
}

function filesIn(folder: string): readonly TextFile[] {
  try {
    return filesBelow(folder).flatMap(readable);
  } catch {
    return []; // it is gone
  }
}

function readable(path: string): readonly TextFile[] {
  try {
    return statSync(path).isFile() ? [readFile(path)] : [];
  } catch {
    return [];
  }
}
