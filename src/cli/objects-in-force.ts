// The objects that a running control plane compiles: what its API holds, and what is in the folder that it watches, which counts more.

import type { SourceObject } from "../dialect/object.ts";
import { objectsHeld, objectsOfFiles, onTop } from "./analysis-input.ts";
import { type ApiOptions, openApi } from "./api-client.ts";
import { readFiles } from "./object-files.ts";
import { readNote, stateFolder } from "./state-folder.ts";

/** Rejects with a Failure when nothing answers. */
export async function objectsInForce(options: ApiOptions): Promise<readonly SourceObject[]> {
  const { client } = await openApi(options);
  const held = await objectsHeld(client);
  const folder = options.server === undefined ? readNote(stateFolder(options.state))?.config : undefined;
  return folder === undefined ? held : onTop(await folderObjects(folder), held);
}

/** What cannot be read is left out, as the control plane leaves it out. */
async function folderObjects(folder: string): Promise<readonly SourceObject[]> {
  return objectsOfFiles(await readFiles([folder], true), "default").objects;
}
