// The settings by which files are read: those of the file that is named, else of the control plane that runs here, if one does.

import { Option } from "commander";
import { hasErrors } from "../base/diagnostic.ts";
import { EXIT, Failure } from "../base/failure.ts";
import type { TrustDomainChoice } from "../dialect/istio/mesh-config.ts";
import { readMeshConfigFile, trustDomainOf } from "../dialect/istio/mesh-config-map.ts";
import type { SourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS, type MeshSettings } from "../model/settings.ts";
import { diagnosticsText } from "./failure-report.ts";
import { readFile } from "./object-files.ts";
import { readNote, stateFolder } from "./state-folder.ts";
import { styleOf } from "./terminal.ts";

export function meshConfigOption(): Option {
  return new Option(
    "--mesh-config <file>",
    "the mesh's settings: Istio's MeshConfig, or the ConfigMap, IstioOperator or Helm values that hold it",
  );
}

/** What is told of a file that can be used: its warnings are for who writes it, and not for everybody who reads objects by it. */
export type ToldOfSettings = "warnings" | "nothing";

/** Prints what is wrong with the file. @throws Failure when it cannot be read, or an error is in it. */
export function settingsOfFile(
  path: string,
  before: MeshSettings,
  choice: TrustDomainChoice,
  told: ToldOfSettings,
): MeshSettings {
  const { name, content } = readFile(path);
  const { settings, diagnostics } = readMeshConfigFile(name, content, before, choice);
  const isUsable = settings !== undefined && !hasErrors(diagnostics);
  if (diagnostics.length > 0 && (!isUsable || told === "warnings"))
    process.stderr.write(`${diagnosticsText(diagnostics, styleOf(process.stderr))}\n`);
  if (isUsable) return settings;
  throw new Failure(`the mesh's settings in ${path} are wrong`, { exit: EXIT.data });
}

/**
 * `state`: the state folder, as the option says it. `file`: --mesh-config. `objects`: those that are read; where no mesh runs, the settings
 * among them may choose the trust domain.
 */
export function meshSettings(
  state: string | undefined,
  file?: string,
  objects: readonly SourceObject[] = [],
  told: ToldOfSettings = "nothing",
): MeshSettings {
  const note = readNote(stateFolder(state));
  const settings = { ...DEFAULT_SETTINGS, trustDomain: note?.trustDomain ?? DEFAULT_SETTINGS.trustDomain };
  const path = file ?? note?.meshConfig;
  if (path !== undefined) return settingsOfFile(path, settings, "open", told);
  return note ? settings : { ...settings, trustDomain: trustDomainOf(objects) ?? settings.trustDomain };
}
