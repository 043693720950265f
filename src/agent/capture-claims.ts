// Who holds which captured network on this machine. A claim is a file that its process holds a lock on: the kernel lets go when the
// process is gone, however it went, and what nobody holds is taken away by the next one that comes.

import { dlopen, FFIType } from "bun:ffi";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";

/** What captures of this machine know of each other. */
export const CLAIMS_FOLDER = "/run/heddle/capture";
const LOCK_EX = 2;
const LOCK_NB = 4;
/** Others hold the folder for as long as a few programs take to run. */
const PATIENCE_MS = 15_000;
const POLL_MS = 10;

function openLibc() {
  return dlopen("libc.so.6", { flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } }).symbols;
}

let libc: ReturnType<typeof openLibc> | undefined;

function tryLock(fd: number): boolean {
  libc ??= openLibc();
  return libc.flock(fd, LOCK_EX | LOCK_NB) === 0;
}

export interface Claim {
  /** Name of the network namespace. */
  readonly name: string;
  readonly address: string;
}

export interface HeldClaim extends Claim {
  release(): void;
}

function fileOf(name: string): string {
  return join(CLAIMS_FOLDER, `${name}.claim`);
}

/** Does `work` while no other process changes networks or claims. @throws Failure when another does not let go. */
export function exclusively<T>(work: () => T): T {
  mkdirSync(CLAIMS_FOLDER, { recursive: true, mode: 0o700 });
  const file = join(CLAIMS_FOLDER, "lock");
  const fd = openSync(file, "a", 0o600);
  try {
    const deadline = performance.now() + PATIENCE_MS;
    while (!tryLock(fd)) {
      if (performance.now() > deadline)
        throw new Failure(`${file} is held by another process`, { hint: "does another `heddle run` hang?" });
      Bun.sleepSync(POLL_MS);
    }
    return work();
  } finally {
    closeSync(fd);
  }
}

/** To be called within `exclusively`. */
export function claim({ name, address }: Claim): HeldClaim {
  const fd = openSync(fileOf(name), "wx", 0o600);
  writeSync(fd, address);
  tryLock(fd);
  const release = (): void => {
    rmSync(fileOf(name), { force: true });
    closeSync(fd);
  };
  return { name, address, release };
}

/** Claims of living processes, and of those that ended without a word. To be called within `exclusively`. */
export function readClaims(): { readonly held: readonly Claim[]; readonly stale: readonly Claim[] } {
  const held: Claim[] = [];
  const stale: Claim[] = [];
  for (const file of readdirSync(CLAIMS_FOLDER)) {
    if (!file.endsWith(".claim")) continue;
    const path = join(CLAIMS_FOLDER, file);
    const fd = openSync(path, "r");
    const found = { name: file.slice(0, -".claim".length), address: readFileSync(fd, "utf8") };
    (tryLock(fd) ? stale : held).push(found);
    closeSync(fd);
  }
  return { held, stale };
}

/** The claim of a process that is gone. */
export function forget({ name }: Claim): void {
  rmSync(fileOf(name), { force: true });
}
