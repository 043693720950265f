// Files that must not be lost, half written or readable by others: folder 0700, files 0600, written beside their place, synced and
// renamed. Every error is one message with the path and the way out.

import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Failure } from "../base/failure.ts";

/** 1 MiB, where the largest file here, a bundle of many roots, has some 10 KiB. */
const MAX_FILE_BYTES = 1_048_576;

/** Creates the folder with 0700, or takes others' access away from an existing one. */
export function ensurePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700);
  } catch (error) {
    if (codeOf(error) === "ENOENT")
      throw new Failure(`cannot make the folder ${path}: nothing can be made there`, {
        hint: "name another with --state or HEDDLE_STATE",
        cause: error,
      });
    throw storageFailure("prepare the folder", path, error);
  }
}

/** Whether something is there, be it what it may. */
export function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw storageFailure("look for", path, error);
  }
}

/** The whole file, at most 1 MiB. Throws a Failure with the path and the way out, as all functions here. */
export function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES)
      throw new Failure(`cannot read ${path}: ${size} bytes are above the limit of ${MAX_FILE_BYTES}`, {
        hint: "is this the right file?",
      });
    return readFileSync(path, "utf8");
  } catch (error) {
    throw storageFailure("read", path, error);
  }
}

/** Reads a file with key material, which nobody but owner and group may open: a Kubernetes Secret mounted with fsGroup is 0440. */
export function readPrivateText(path: string): string {
  const mode = modeOf(path);
  if ((mode & 0o007) === 0) return readText(path);
  throw new Failure(`private key file ${path} is open to every user: mode is 0${mode.toString(8)}, wanted 0600`, {
    hint: `chmod 600 ${path} (in a Kubernetes Secret volume: defaultMode: 0400); if others had access, replace the key`,
  });
}

function modeOf(path: string): number {
  try {
    return statSync(path).mode & 0o777;
  } catch (error) {
    throw storageFailure("read", path, error);
  }
}

/** Replaces the file at once or not at all: readers see the old text or the new one. */
export function writeDurably(path: string, text: string): void {
  place(path, text, (temporary) => renameSync(temporary, path));
}

/** Writes the file unless there is one: false when another process was first. */
export function createDurably(path: string, text: string): boolean {
  return place(path, text, (temporary) => linkSync(temporary, path));
}

function place(path: string, text: string, move: (temporary: string) => void): boolean {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    writeSynced(temporary, text);
    move(temporary);
    syncFolder(folder);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw storageFailure("write", path, error);
  } finally {
    removeIfPresent(temporary);
  }
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A rename is on disk only once its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function removeIfPresent(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Renamed away, never made, or on a disk that is beyond help: the error worth telling is the first one.
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free some space, or point HEDDLE_STATE to another disk",
  EDQUOT: "the disk quota is used up: free some space, or point HEDDLE_STATE to another disk",
  EACCES: "give the user that runs heddle access to it, or point HEDDLE_STATE to another folder",
  EPERM: "give the user that runs heddle access to it, or point HEDDLE_STATE to another folder",
  EROFS: "the file system is read-only: point HEDDLE_STATE to a folder that can be written",
  ENOENT: "the file is missing: restore it, or remove its companions to start anew",
  ENOTDIR: "a part of the path is a file, not a folder: move it away",
  EISDIR: "this is a folder where a file is expected: move it away",
  EEXIST: "a file is where a folder is expected: move it away",
};

/** What a system error means for the person who runs Heddle. */
export function storageFailure(action: string, path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const code = codeOf(error);
  const hint = HINTS[code];
  return new Failure(`cannot ${action} ${path}: ${code}`, { cause: error, ...(hint && { hint }) });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
