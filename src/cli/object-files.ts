// The files that a command line names: files, folders of them, and standard input.

import { readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { readBounded } from "../base/bounded-file.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { filesTooLarge, folderTooLarge, READ_LIMITS, type ReadLimits } from "../dialect/limits.ts";
import type { TextFile } from "../dialect/load.ts";

const OBJECT_FILE = /\.(?:ya?ml|json)$/i;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
  ELOOP: "links lead in a circle",
  ENAMETOOLONG: "the name is too long",
  ENXIO: "it is a socket",
};

function unreadable(path: string, cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = REASONS[code] ?? Failure.from(cause).message;
  return new Failure(`cannot read ${path}: ${reason}`, { exit: EXIT.data, cause });
}

/** Folders of folders deeper than this are a mistake, or a circle of links. */
const MAX_FOLDERS = 32;

function pathsOf(path: string, recursive: boolean): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = filesIn(path, recursive ? MAX_FOLDERS : 0);
    if (names.length > 0) return names;
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
  throw new Failure(`folder ${path} holds no .yaml, .yml or .json file`, { exit: EXIT.data });
}

function filesIn(folder: string, depth: number): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return depth > 0 ? filesIn(path, depth - 1) : [];
    return OBJECT_FILE.test(entry.name) ? [regular(path)] : [];
  });
}

/** A pipe among the files of a folder would be waited for until somebody writes to it, and nobody would know for what. */
function regular(path: string): string {
  const found = stat(path);
  if (found.isFile() || found.isDirectory()) return path;
  throw new Failure(`cannot read ${path}: it is no regular file`, {
    hint: "name it by itself, to read what is written to it",
    exit: EXIT.data,
  });
}

function stat(path: string): Stats {
  try {
    return statSync(path);
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

async function readStandardInput(): Promise<TextFile> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of Bun.stdin.stream()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > READ_LIMITS.bytes) break; // the reader of the file says that it is too large
  }
  return { name: "standard input", content: Buffer.concat(chunks) };
}

/**
 * `-` is standard input; of a folder the files directly in it, or all below. Throws a Failure for what cannot be read, and for files that have
 * more bytes together than a folder may have.
 */
export async function readFiles(
  paths: readonly string[],
  recursive = false,
  limits: ReadLimits = READ_LIMITS,
): Promise<readonly TextFile[]> {
  const files: TextFile[] = [];
  let bytes = 0;
  for (const path of paths) {
    const read = path === "-" ? [await readStandardInput()] : readBelow(path, recursive, limits);
    for (const file of read) {
      bytes += file.content.length;
      files.push(file);
    }
    // One alone is judged by who reads what it says.
    if (paths.length > 1 && bytes > limits.folderBytes)
      throw new Failure(`cannot read ${path}: ${filesTooLarge(limits.folderBytes)}`, {
        hint: "a part of the files at a time",
        exit: EXIT.data,
      });
  }
  return files;
}

/** A file, which is judged by who reads what it says, or the files of a folder. */
function readBelow(path: string, recursive: boolean, { folderBytes }: ReadLimits): readonly TextFile[] {
  const names = pathsOf(path, recursive);
  const files: TextFile[] = [];
  let bytes = 0;
  for (const name of names) {
    const file = readFile(name);
    bytes += file.content.length;
    if (bytes > folderBytes && name !== path)
      throw new Failure(`cannot read folder ${path}: ${folderTooLarge(folderBytes)}`, {
        hint: "a part of the files at a time",
        exit: EXIT.data,
      });
    files.push(file);
  }
  return files;
}

/** @throws Failure when it cannot be read. */
export function readFile(path: string): TextFile {
  try {
    return { name: path, content: readBounded(path, READ_LIMITS.bytes) };
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}
