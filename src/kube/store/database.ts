// The SQLite file under the store: how it is opened, what its tables are, how an older one becomes a newer one, and what its
// errors mean to an operator.

import { Database, SQLiteError } from "bun:sqlite";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { EXIT, Failure } from "../../base/failure.ts";

/** Marks a file as Heddle's in its SQLite header ("HEDL"), so that restore does not take just any database. */
export const APPLICATION_ID = 0x4845444c;

/** Step n brings schema n to n + 1. Steps are never changed once released; `PRAGMA user_version` holds the schema. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE objects (
     kind TEXT NOT NULL,
     namespace TEXT NOT NULL,
     name TEXT NOT NULL,
     json TEXT NOT NULL,
     PRIMARY KEY (kind, namespace, name)
   );
   CREATE TABLE state (
     only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
     resource_version INTEGER NOT NULL,
     closed_cleanly INTEGER NOT NULL
   );
   INSERT INTO state VALUES (1, 1, 1);`,
];

/** The schema that this version writes. */
export const SCHEMA = MIGRATIONS.length;

const HINTS: readonly (readonly [RegExp, string, string])[] = [
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, "the disk is full", "free some space and try again; nothing was changed"],
  [
    /^(SQLITE_READONLY|SQLITE_PERM|EACCES|EPERM|EROFS)/,
    "it cannot be written",
    "check the owner and permissions of the folder and its files",
  ],
  [
    /^(SQLITE_CANTOPEN|ENOENT|ENOTDIR|EEXIST)/,
    "it cannot be opened",
    "check that its folder is a folder and that its permissions allow it",
  ],
  [/^SQLITE_IOERR/, "reading or writing failed", "check the disk, its quota and its free space; nothing was changed"],
  [/^SQLITE_(CORRUPT|NOTADB)/, "the file is damaged or not a Heddle store", "restore a backup with `heddle restore`"],
  [/^SQLITE_BUSY/, "another process uses it", "stop the other process, or use another state folder"],
];

/** SQLite's result code, or the operating system's. */
function codeOf(cause: unknown): string {
  if (cause instanceof SQLiteError) return cause.code ?? "";
  return cause instanceof Error && "code" in cause ? String(cause.code) : "";
}

/** `doing` is what failed, as in `write the store /home/a/.heddle/heddle.db`. */
export function storeFailure(doing: string, cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  const code = codeOf(cause);
  const known = HINTS.find(([pattern]) => pattern.test(code));
  const reason = cause instanceof Error ? cause.message : String(cause);
  return known
    ? new Failure(`cannot ${doing}: ${known[1]} (${reason})`, { hint: known[2], cause })
    : new Failure(`cannot ${doing}: ${reason}`, { cause });
}

/** The schema of an open file; 0 for a new one. */
export function schemaOf(database: Database): number {
  return database.query<{ user_version: number }, []>("PRAGMA user_version").get()!.user_version;
}

/** Whose file it is, by its header. */
export function applicationOf(database: Database): number {
  return database.query<{ application_id: number }, []>("PRAGMA application_id").get()!.application_id;
}

/** Refuses what a newer Heddle wrote: its tables may mean something else. */
export function refuseNewer(path: string, schema: number): void {
  if (schema <= SCHEMA) return;
  throw new Failure(`the store ${path} has schema ${schema}: this version of Heddle knows schemas up to ${SCHEMA}`, {
    hint: "use the Heddle that wrote it or a newer one, or restore a backup made by this version",
    exit: EXIT.data,
  });
}

/** Brings the tables to the current schema, all or nothing. */
function migrate(database: Database, path: string): void {
  refuseNewer(path, schemaOf(database));
  const isNew = database.query("SELECT 1 FROM sqlite_schema LIMIT 1").get() === null;
  if (!isNew && applicationOf(database) !== APPLICATION_ID) {
    throw new Failure(`${path} is a database of another program`, {
      hint: "choose another state folder",
      exit: EXIT.data,
    });
  }
  database.transaction(() => {
    for (let schema = schemaOf(database); schema < SCHEMA; schema++) {
      database.run(MIGRATIONS[schema]!);
      database.run(`PRAGMA user_version = ${schema + 1}`);
    }
    database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
  })();
}

/** Creates the file with mode 0600 (its -wal and -shm files inherit it) in a folder of mode 0700: the store holds Secrets. */
function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", 0o600));
}

/** Opens or creates the file at `path`, or a database in memory for ":memory:", at the current schema. */
export function openDatabase(path: string): Database {
  let database: Database | undefined;
  try {
    if (path !== ":memory:") createPrivately(path);
    database = new Database(path, { readwrite: true, create: true, strict: true });
    database.run("PRAGMA busy_timeout = 2000");
    // Before WAL: that would write to a file that is not ours.
    migrate(database, path);
    database.run("PRAGMA journal_mode = WAL");
    return database;
  } catch (error) {
    database?.close();
    throw storeFailure(`open the store ${path}`, error);
  }
}

/**
 * Holds the store for one process: an exclusive transaction on an empty database beside it. The operating system ends it
 * with the process, so nothing stale is left; and the store itself stays readable, so that a backup can run meanwhile.
 */
export function lockStore(path: string): Database {
  let lock: Database | undefined;
  try {
    createPrivately(`${path}.lock`);
    lock = new Database(`${path}.lock`, { readwrite: true, create: true });
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    throw storeFailure(`use the store ${path}`, error);
  }
}
