// The files that a command line names: files, folders of them, and standard input.

import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { EXIT, Failure } from "../base/failure.ts";
import { READ_LIMITS } from "../dialect/limits.ts";
import type { TextFile } from "../dialect/load.ts";

const OBJECT_FILE = /\.(?:ya?ml|json)$/i;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
};

function unreadable(path: string, cause: unknown): Failure {
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
    return OBJECT_FILE.test(entry.name) ? [path] : [];
  });
}

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of Bun.stdin.stream()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > READ_LIMITS.bytes) break; // the reader of the file says that it is too large
  }
  return Buffer.concat(chunks);
}

/** `-` is standard input; of a folder the files directly in it, or all below. Throws a Failure for what cannot be read. */
export async function readFiles(paths: readonly string[], recursive = false): Promise<readonly TextFile[]> {
  const files: TextFile[] = [];
  for (const path of paths) {
    if (path === "-") files.push({ name: "standard input", content: await readStandardInput() });
    else for (const file of pathsOf(path, recursive)) files.push(readFile(file));
  }
  return files;
}

/** @throws Failure when it cannot be read. */
export function readFile(path: string): TextFile {
  try {
    return { name: path, content: readBounded(path) };
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

const CHUNK = 1024 * 1024;

/** A device or a pipe may never end, so it ends here as soon as it is larger than what the reader of the file takes. */
function readBounded(path: string): Uint8Array {
  const descriptor = openSync(path, "r");
  try {
    const chunks: Uint8Array[] = [];
    for (let length = 0; length <= READ_LIMITS.bytes; ) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const read = readSync(descriptor, chunk);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      length += read;
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(descriptor);
  }
}
