// Files, folders and what else may stand at a path.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { READ_LIMITS } from "../dialect/limits.ts";
import { readFiles } from "./object-files.ts";

let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function names(paths: readonly string[], recursive = false): Promise<readonly string[]> {
  const files = await readFiles(paths.map(at), recursive);
  return files.map(({ name }) => name.slice(folder.length + 1));
}

async function refusal(path: string): Promise<readonly unknown[]> {
  try {
    await readFiles([at(path)]);
  } catch (thrown) {
    const { message, exit } = Failure.from(thrown);
    return [message.replaceAll(`${folder}/`, ""), exit];
  }
  return [];
}

describe("folders", () => {
  test("files of objects, sorted; folders below only when asked for, links to folders never", async () => {
    mkdirSync(at("config/below"), { recursive: true });
    for (const name of ["config/b.yaml", "config/a.json", "config/readme.md", "config/below/c.yml"])
      writeFileSync(at(name), "a: 1\n");
    symlinkSync("../..", at("config/below/up"));
    expect(await names(["config"])).toEqual(["config/a.json", "config/b.yaml"]);
    expect(await names(["config"], true)).toEqual(["config/a.json", "config/b.yaml", "config/below/c.yml"]);
  });

  test("a pipe among the files is not waited for", async () => {
    mkdirSync(at("config"));
    expect(Bun.spawnSync(["mkfifo", at("config/pipe.yaml")]).exitCode).toBe(0);
    expect(await refusal("config")).toEqual(["cannot read config/pipe.yaml: it is no regular file", 65]);
  });

  test("links that lead nowhere or in a circle are named", async () => {
    mkdirSync(at("config"));
    symlinkSync("itself.yaml", at("config/itself.yaml"));
    expect(await refusal("config")).toEqual(["cannot read config/itself.yaml: links lead in a circle", 65]);
    rmSync(at("config/itself.yaml"));
    symlinkSync("nothing", at("config/gone.yaml"));
    expect(await refusal("config")).toEqual(["cannot read config/gone.yaml: there is no such file", 65]);
  });
});

test("of a folder's files together no more is read than its limit, of one that is named alone as much as it has", async () => {
  mkdirSync(at("config/below"), { recursive: true });
  for (const name of ["config/a.yaml", "config/b.yaml", "config/below/c.yaml"]) writeFileSync(at(name), "a: 1\n");
  const limits = { ...READ_LIMITS, folderBytes: 12 };
  const read = (path: string, recursive = false) => readFiles([at(path)], recursive, limits);
  expect((await read("config")).length).toBe(2);
  expect((await readFiles([at("config/a.yaml")], false, { ...limits, folderBytes: 1 })).length).toBe(1);
  const refused = await read("config", true).then(String, Failure.from);
  expect(refused).toMatchObject({
    message: `cannot read folder ${at("config")}: its files have more than 12 bytes together, which is as much as is read of a folder`,
    exit: 65,
  });
});

test("of several files that are named no more is read together than of a folder", async () => {
  mkdirSync(at("config"));
  for (const name of ["a.yaml", "b.yaml", "config/c.yaml"]) writeFileSync(at(name), "a: 1\n");
  const read = (names: readonly string[], folderBytes: number) =>
    readFiles(names.map(at), false, { ...READ_LIMITS, folderBytes });
  expect((await read(["a.yaml", "b.yaml", "config"], 15)).length).toBe(3);
  const refused = await read(["a.yaml", "b.yaml", "config"], 14).then(String, Failure.from);
  expect(refused).toMatchObject({
    message: `cannot read ${at("config")}: the files up to this one have more than 14 bytes together, which is as much as is read at once`,
    exit: 65,
  });
});

describe("what cannot be read is named with the reason", () => {
  test.each([
    ["nothing", "missing.yaml", "cannot read missing.yaml: there is no such file"],
    [
      "a file below a file",
      "file.yaml/below.yaml",
      "cannot read file.yaml/below.yaml: a part of the path is no folder",
    ],
    ["a name that is too long", `${"x".repeat(300)}.yaml`, `cannot read ${"x".repeat(300)}.yaml: the name is too long`],
    ["a folder of nothing", "empty", "folder empty holds no .yaml, .yml or .json file"],
  ])("%s", async (_, path, message) => {
    writeFileSync(at("file.yaml"), "a: 1\n");
    mkdirSync(at("empty"));
    expect(await refusal(path)).toEqual([message, 65]);
  });
});

test("of what never ends no more is read than whoever judges it takes", async () => {
  const [file] = await readFiles(["/dev/zero"]);
  expect(file!.content.length).toBeGreaterThan(READ_LIMITS.bytes);
  expect(file!.content.length).toBeLessThanOrEqual(READ_LIMITS.bytes + 2 * 1024 * 1024);
});
