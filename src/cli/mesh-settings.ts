// The settings by which files are read: those of the control plane that runs here, if one does.

import { DEFAULT_SETTINGS, type MeshSettings } from "../model/settings.ts";
import { readNote, stateFolder } from "./state-folder.ts";

/** `state`: the state folder, as the option says it. */
export function meshSettings(state: string | undefined): MeshSettings {
  const trustDomain = readNote(stateFolder(state))?.trustDomain ?? DEFAULT_SETTINGS.trustDomain;
  return { ...DEFAULT_SETTINGS, trustDomain };
}
