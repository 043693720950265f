// Copies of the store, and the way back. Both work on files, so that the command line can do them; a backup may be taken
// while a control plane runs, a restore may not be done.

import { Database } from "bun:sqlite";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname } from "node:path";
import { EXIT, Failure } from "../../base/failure.ts";
import { APPLICATION_ID, applicationOf, lockStore, refuseNewer, schemaOf, storeFailure } from "./database.ts";

function syncPath(path: string): void {
  const handle = openSync(path, "r");
  fsyncSync(handle);
  closeSync(handle);
}

/** Puts `from` in the place of `to`, and on the disk. */
function moveInto(from: string, to: string): void {
  syncPath(from);
  renameSync(from, to);
  syncPath(dirname(to));
}

function isOurs(database: Database): boolean {
  try {
    return applicationOf(database) === APPLICATION_ID;
  } catch {
    return false; // no database at all
  }
}

/** Throws unless the open file is a whole store of a schema that this version knows. */
function inspect(database: Database, path: string): void {
  if (!isOurs(database)) {
    throw new Failure(`${path} is not a backup of a Heddle store`, { exit: EXIT.data });
  }
  refuseNewer(path, schemaOf(database));
  const result = database.query<{ integrity_check: string }, []>("PRAGMA integrity_check(1)").get()?.integrity_check;
  if (result !== "ok") {
    throw new Failure(`the backup ${path} is damaged: ${result ?? "no answer"}`, {
      hint: "use another backup",
      exit: EXIT.data,
    });
  }
}

/** Opens for reading, in a way that leaves the file and its folder as they are. */
function openToRead(path: string): Database {
  if (!existsSync(path)) throw new Failure(`there is no file ${path}`, { exit: EXIT.data });
  return new Database(path, { readonly: true });
}

/**
 * Writes a consistent copy of the store `path` to the new file `destination` (mode 0600), also while it is in use. Refuses
 * to overwrite. The copy appears whole or not at all.
 */
export function backupStore(path: string, destination: string): void {
  if (existsSync(destination)) {
    throw new Failure(`the file ${destination} exists`, {
      hint: "choose another name for the backup",
      exit: EXIT.usage,
    });
  }
  const partial = `${destination}.partial`;
  let source: Database | undefined;
  try {
    rmSync(partial, { force: true });
    closeSync(openSync(partial, "w", 0o600));
    source = openToRead(path);
    inspect(source, path);
    source.query("VACUUM INTO ?").run(partial);
    moveInto(partial, destination);
  } catch (error) {
    removeIfPossible(partial);
    throw storeFailure(`back up the store ${path} to ${destination}`, error);
  } finally {
    source?.close();
  }
}

/** What went wrong before is what is worth telling. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

/** The highest resourceVersion that clients of the store may have seen; 0 when it cannot be read any more. */
function versionOf(path: string): number {
  if (!existsSync(path)) return 0;
  try {
    using database = new Database(path, { readonly: true });
    return database.query<{ v: number }, []>("SELECT resource_version AS v FROM state").get()?.v ?? 0;
  } catch {
    return 0; // damaged, which is why it is being restored
  }
}

/** Brings the write-ahead log into the file and removes it: a log left over would be replayed into whatever takes its place. */
function settle(path: string): void {
  try {
    using database = new Database(path, { readwrite: true });
    database.run("PRAGMA journal_mode = DELETE");
  } catch {
    // Damaged beyond opening: there is nothing to bring over.
  }
  rmSync(`${path}-wal`, { force: true });
  rmSync(`${path}-shm`, { force: true });
}

/**
 * Replaces the store `path` by the backup `source` in one rename, after checking that it is whole and of a known schema.
 * The store as it was is kept beside it; the name is returned, undefined when there was none. Versions go on from the higher
 * of the two, and watchers list again. Fails, and changes nothing, while a control plane uses the store.
 */
export function restoreStore(source: string, path: string): string | undefined {
  const doing = `restore ${source} to ${path}`;
  const partial = `${path}.partial`;
  const lock = lockStore(path);
  try {
    {
      using backup = openToRead(source);
      inspect(backup, source);
    }
    copyFileSync(source, partial);
    chmodSync(partial, 0o600);
    {
      using copy = new Database(partial, { readwrite: true });
      const version = Math.max(versionOf(partial), versionOf(path));
      // Not closed cleanly: opening it then leaves a gap in the versions, as after a crash.
      copy.query("UPDATE state SET resource_version = ?, closed_cleanly = 0").run(version);
      copy.run("PRAGMA journal_mode = DELETE");
    }
    const kept = existsSync(path) ? keepAside(path) : undefined;
    moveInto(partial, path);
    return kept;
  } catch (error) {
    rmSync(partial, { force: true });
    throw storeFailure(doing, error);
  } finally {
    lock.close();
  }
}

function keepAside(path: string): string {
  settle(path);
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const kept = `${path}.before-restore-${stamp}`;
  rmSync(kept, { force: true });
  linkSync(path, kept);
  return kept;
}
