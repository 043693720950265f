// Listening sockets of the file system, and of Linux' abstract namespace (unix(7)), which is written with `@` as in Envoy's Pipe.

import { chmodSync, lstatSync, renameSync, rmSync } from "node:fs";

/** As the kernel has it: a name of the abstract namespace begins with a NUL, and there is no file. */
export function kernelPath(path: string): string {
  return path.startsWith("@") ? `\0${path.slice(1)}` : path;
}

function isAbstract(path: string): boolean {
  return path.startsWith("@");
}

/**
 * Opens a socket at `path` in place of one that a process left behind, as Envoy does. Bun takes the file away with the socket that made it,
 * also when another process or a replacing listener has the same socket by then: so the file is made under another name and moved.
 */
export function placePipe<T>(path: string, mode: number, open: (path: string) => T): T {
  if (isAbstract(path)) return open(kernelPath(path));
  const temporary = `${path}~${process.pid}`;
  if (isSocket(path)) rmSync(path, { force: true });
  const opened = open(temporary);
  // 0 leaves what the umask gives (address.proto).
  if (mode !== 0) chmodSync(temporary, mode);
  renameSync(temporary, path);
  return opened;
}

/** Which file stands at `path`, as long as it is no other: numbers of inodes are given again. Undefined: no socket's, or an abstract name. */
export function pipeFile(path: string): string | undefined {
  if (isAbstract(path)) return undefined;
  const found = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  return found?.isSocket() ? `${found.dev} ${found.ino} ${found.mtimeNs}` : undefined;
}

/** Nobody comes in there any more. What another process has put in the place of `file` stays. */
export function removePipe(path: string, file: string | undefined): void {
  if (file !== undefined && pipeFile(path) === file) rmSync(path, { force: true });
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}
