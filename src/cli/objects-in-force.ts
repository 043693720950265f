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
  const watched = await objectsWatched(options);
  return watched.length === 0 ? held : onTop(watched, held);
}

/** Those of the folder. What cannot be read is left out, as the control plane leaves it out. */
export async function objectsWatched({ server, state }: ApiOptions): Promise<readonly SourceObject[]> {
  const folder = server === undefined ? readNote(stateFolder(state))?.config : undefined;
  return folder === undefined ? [] : objectsOfFiles(await readFiles([folder], true), "default").objects;
}
