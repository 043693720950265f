// The files that a command line names: files, folders of them, and standard input.

import { readdirSync, readFileSync, statSync } from "node:fs";
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

function pathsOf(path: string): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => OBJECT_FILE.test(name));
    if (names.length > 0) return names.sort().map((name) => join(path, name));
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
  throw new Failure(`folder ${path} holds no .yaml, .yml or .json file`, { exit: EXIT.data });
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

/** `-` is standard input; of a folder the files directly in it. Throws a Failure for what cannot be read. */
export async function readFiles(paths: readonly string[]): Promise<readonly TextFile[]> {
  const files: TextFile[] = [];
  for (const path of paths) {
    if (path === "-") files.push({ name: "standard input", content: await readStandardInput() });
    else for (const file of pathsOf(path)) files.push(readFile(file));
  }
  return files;
}

function readFile(path: string): TextFile {
  try {
    return { name: path, content: readFileSync(path) };
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}
