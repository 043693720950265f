// Where a control plane keeps what must outlive it, and the note in it by which the other commands find the one that runs.

import { accessSync, constants, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Failure } from "../base/failure.ts";

/** `$HEDDLE_STATE` or ~/.heddle, unless the option says otherwise. */
export function stateFolder(option: string | undefined): string {
  return resolve(option || process.env.HEDDLE_STATE || join(homedir(), ".heddle"));
}

/** Files and folders under the state folder. */
export function statePaths(folder: string) {
  return {
    /** SQLite: the objects. */
    store: join(folder, "store.db"),
    /** Roots and the key of join tokens. */
    authority: join(folder, "ca"),
    /** One folder for each sidecar that `heddle run` started. */
    sidecars: join(folder, "sidecars"),
    /** Of the control plane that runs. */
    note: join(folder, "control-plane.json"),
  } as const;
}

/** What a running control plane tells the commands of its user. Nothing in it is secret. */
export interface ControlPlaneNote {
  readonly pid: number;
  readonly version: string;
  readonly trustDomain: string;
  /** The file of its settings, if it was given one. */
  readonly meshConfig?: string;
  /** The folder of objects that it watches, if it was given one. */
  readonly config?: string;
  readonly clusterId: string;
  /** SPIFFE id that its certificate says. */
  readonly identity: string;
  /** The Kubernetes API. */
  readonly api: string;
  readonly dashboard: string;
  readonly metrics: string;
  /** Discovery and certificates. */
  readonly discovery: { readonly host: string; readonly port: number };
  /** Lifetime of workload certificates. */
  readonly certificateTtlMs: number;
  /** PEM of the roots of its trust domain. */
  readonly roots: string;
}

export function writeNote(folder: string, note: ControlPlaneNote): void {
  const { note: path } = statePaths(folder);
  writeFileSync(`${path}.new`, `${JSON.stringify(note, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeNote(folder: string): void {
  rmSync(statePaths(folder).note, { force: true });
}

/** The note of the control plane that runs with this state folder; undefined when none does. */
export function readNote(folder: string): ControlPlaneNote | undefined {
  let note: ControlPlaneNote;
  try {
    note = JSON.parse(readFileSync(statePaths(folder).note, "utf8")) as ControlPlaneNote;
  } catch {
    return undefined; // none was started here, or it ended
  }
  return isAlive(note.pid) ? note : undefined;
}

function isForbidden(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EACCES";
  }
}

/** Whether there is a process of that id, whoever's it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The note, for a command that cannot do without. */
export function requireNote(folder: string): ControlPlaneNote {
  const note = readNote(folder);
  if (note) return note;
  if (isForbidden(statePaths(folder).note))
    throw new Failure(`the state folder ${folder} cannot be read: permission denied`, {
      hint: "give this user access to it, or name another with --state or HEDDLE_STATE",
    });
  throw new Failure(`no control plane runs with the state folder ${folder}`, {
    hint: "start one with `heddle up`, or name its folder with --state or HEDDLE_STATE",
  });
}
