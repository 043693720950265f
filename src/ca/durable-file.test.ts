import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import {
  createDurably,
  ensurePrivateFolder,
  readPrivateText,
  readText,
  storageFailure,
  writeDurably,
} from "./durable-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-durable-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function failureOf(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("a folder is made with 0700 and one that others could read is closed to them", () => {
  ensurePrivateFolder(join(folder, "a/b"));
  expect([mode(join(folder, "a")), mode(join(folder, "a/b"))]).toEqual(["700", "700"]);
  chmodSync(join(folder, "a"), 0o755);
  ensurePrivateFolder(join(folder, "a"));
  expect(mode(join(folder, "a"))).toBe("700");
});

test("a file is 0600, replaced as a whole, and leaves nothing beside it", () => {
  const path = join(folder, "key.pem");
  writeDurably(path, "one");
  writeDurably(path, "two");
  expect([readFileSync(path, "utf8"), mode(path), readdirSync(folder)]).toEqual(["two", "600", ["key.pem"]]);
});

test("creating does not replace what another process made first", () => {
  const path = join(folder, "key.pem");
  expect([createDurably(path, "first"), createDurably(path, "second")]).toEqual([true, false]);
  expect([readFileSync(path, "utf8"), readdirSync(folder)]).toEqual(["first", ["key.pem"]]);
});

test("a key file that every user can open is refused with the command that mends it, one for the group is read", () => {
  const path = join(folder, "key.pem");
  writeFileSync(path, "secret");
  for (const open of [0o644, 0o604, 0o602]) {
    chmodSync(path, open);
    const failure = failureOf(() => readPrivateText(path));
    expect(failure.message).toContain(`${path} is open to every user: mode is 0${open.toString(8)}`);
    expect(failure.hint).toContain(`chmod 600 ${path}`);
  }
  chmodSync(path, 0o440);
  expect(readPrivateText(path)).toBe("secret");
});

test("what cannot be read or written names the path and the way out", () => {
  const blocked = join(folder, "file");
  writeFileSync(blocked, "");
  mkdirSync(join(folder, "folder"));
  const cases: readonly [() => unknown, string, string][] = [
    [() => ensurePrivateFolder(join(blocked, "sub")), join(blocked, "sub"), "not a folder"],
    [() => ensurePrivateFolder(blocked), blocked, "where a folder is expected"],
    [() => readText(join(folder, "none")), "none: ENOENT", "missing"],
    [() => readText(join(folder, "folder")), "EISDIR", "folder where a file is expected"],
    [() => writeDurably(join(folder, "folder"), "x"), "folder: EISDIR", "move it away"],
    [() => writeDurably(join(folder, "none/key.pem"), "x"), "none/key.pem: ENOENT", "missing"],
  ];
  for (const [act, message, hint] of cases) {
    const failure = failureOf(act);
    expect(failure.message).toContain(message);
    expect(failure.hint).toContain(hint);
  }
  expect(readdirSync(folder).sort()).toEqual(["file", "folder"]);
});

test("a full disk, a full quota, a read-only disk and missing rights have words of their own", () => {
  const hints = ["ENOSPC", "EDQUOT", "EROFS", "EACCES"].map((code) =>
    storageFailure("write", "/state/x", Object.assign(new Error("x"), { code })),
  );
  expect(hints.map(({ message }) => message)).toEqual(
    ["ENOSPC", "EDQUOT", "EROFS", "EACCES"].map((code) => `cannot write /state/x: ${code}`),
  );
  expect(new Set(hints.map(({ hint }) => hint)).size).toBe(4);
  expect(hints[0]!.hint).toContain("disk is full");
});

test("a file above 1 MiB is not read", () => {
  const path = join(folder, "big");
  writeFileSync(path, Buffer.alloc(1_048_577));
  expect(failureOf(() => readText(path)).message).toContain("above the limit");
});
