// A folder of files as people and programs write it: editors that rename, Kubernetes that swaps a link, files that break and are mended.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { Failure } from "../../base/failure.ts";
import { until } from "../../base/until-fixture.ts";
import { READ_LIMITS } from "../../dialect/limits.ts";
import type { SourceObject } from "../../dialect/object.ts";
import { DirectorySource } from "./directory.ts";
import type { SourceListener } from "./source.ts";

class Heard implements SourceListener {
  readonly objects = new Map<string, SourceObject>();
  readonly complaints = new Map<string, readonly Diagnostic[]>();
  readonly events: string[] = [];
  onObject(object: SourceObject): void {
    this.objects.set(object.key, object);
    this.events.push(`+${object.origin.name}`);
  }
  onDeleted(key: string): void {
    this.events.push(`-${this.objects.get(key)?.origin.name}`);
    this.objects.delete(key);
  }
  onUnreadable(place: string, diagnostics: readonly Diagnostic[]): void {
    if (diagnostics.length === 0) this.complaints.delete(place);
    else this.complaints.set(place, diagnostics);
  }
  onSynced(): void {
    this.events.push("synced");
  }
  /** `name=port` of each Service, sorted. */
  get services(): string {
    const port = ({ value }: SourceObject) => (value.spec as { ports: { port: number }[] }).ports[0]?.port;
    return [...this.objects.values()]
      .map((object) => `${object.origin.name}=${port(object)}`)
      .sort()
      .join();
  }
}

function service(name: string, port: number): string {
  return `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { ports: [{ port: ${port} }] }\n`;
}

let folder = "";
let source: DirectorySource;
let heard: Heard;
const at = (name: string) => join(folder, name);
const put = (name: string, text: string) => writeFileSync(at(name), text);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-source-"));
  source = new DirectorySource(folder);
  heard = new Heard();
});
afterEach(() => {
  source.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("what is there is told before it is synced; a file that is removed takes its objects along", async () => {
  put("a.yaml", `${service("a", 1)}---\n${service("b", 2)}`);
  put("notes.txt", service("c", 3));
  source.start(heard);
  expect(heard.events).toEqual(["+a", "+b", "synced"]);
  rmSync(at("a.yaml"));
  await until("the removal", () => heard.services === "");
});

test("an editor's rename over a file changes what changed and tells nothing else again", async () => {
  put("a.yaml", service("a", 1));
  put("b.yaml", service("b", 1));
  source.start(heard);
  heard.events.length = 0;
  put("a.yaml~", service("a", 2));
  renameSync(at("a.yaml~"), at("a.yaml"));
  await until("the change", () => heard.services === "a=2,b=1");
  expect(heard.events).toEqual(["+a"]);
});

test("a Service without an address has one, the same after others came and changed", async () => {
  const addressOf = (name: string) => {
    const found = [...heard.objects.values()].find(({ origin }) => origin.name === name);
    return (found?.value.spec as { readonly clusterIP?: string } | undefined)?.clusterIP;
  };
  put("b.yaml", service("b", 1));
  source.start(heard);
  const address = addressOf("b");
  expect(address).toMatch(/^240\.241\.\d+\.\d+$/);
  put("a.yaml", `${service("a", 1)}---\n${service("b2", 2).replace("ports:", "clusterIP: 10.0.0.1, ports:")}`);
  await until("the others", () => heard.services === "a=1,b2=2,b=1");
  expect(heard.events).toEqual(["+b", "synced", "+a", "+b2"]);
  put("b.yaml", service("b", 3));
  await until("the change", () => heard.services === "a=1,b2=2,b=3");
  expect([addressOf("b"), addressOf("b2")]).toEqual([address, "10.0.0.1"]);
  expect(addressOf("a")).toMatch(/^240\.241\./);
});

test("a mounted ConfigMap that is swapped never loses an object, and names its files as they are seen", async () => {
  mkdirSync(at("..1"));
  put("..1/a.yaml", service("a", 1));
  symlinkSync("..1", at("..data"));
  symlinkSync("..data/a.yaml", at("a.yaml"));
  source.start(heard);
  expect(heard.events).toEqual(["+a", "synced"]);
  mkdirSync(at("..2"));
  put("..2/a.yaml", service("a", 2));
  symlinkSync("..2", at("..data_tmp"));
  renameSync(at("..data_tmp"), at("..data"));
  rmSync(at("..1"), { recursive: true });
  await until("the new version", () => heard.services === "a=2");
  expect(heard.events).toEqual(["+a", "synced", "+a"]);
  expect(heard.complaints.size).toBe(0);
});

test("a mistake keeps what the file said, names file, line and column, and goes when it is mended", async () => {
  put("a.yaml", `${service("a", 1)}---\n${service("b", 1)}`);
  source.start(heard);
  put("a.yaml", `${service("a", 2)}---\n${service("b", 2).replace("kind: Service", "kind: [Service")}`);
  const [found] = await until("the complaint", () => heard.complaints.get(at("a.yaml")));
  expect(found).toMatchObject({ severity: "error", span: { file: at("a.yaml"), line: 8, column: expect.any(Number) } });
  expect(heard.services).toBe("a=2,b=1");
  put("a.yaml", `${service("a", 2)}---\n${service("b", 3)}`);
  await until("the mended file", () => heard.services === "a=2,b=3");
  expect(heard.complaints.size).toBe(0);
});

test("what cannot be read keeps what it said, and says why", async () => {
  put("a.yaml", service("a", 1));
  source.start(heard);
  rmSync(at("a.yaml"));
  mkdirSync(at("a.yaml")); // as root reads whatever the mode forbids, a folder stands for the file that cannot be read
  const [found] = await until("the complaint", () => heard.complaints.get(at("a.yaml")));
  expect(found).toMatchObject({ code: "HED1012", span: { file: at("a.yaml") } });
  expect(heard.services).toBe("a=1");
});

test("links that lead in a circle, pipes and files that are too large hold nothing up", async () => {
  put("a.yaml", service("a", 1));
  mkdirSync(at("below"));
  symlinkSync("..", at("below/up"));
  symlinkSync("itself.yaml", at("itself.yaml"));
  symlinkSync("nothing", at("gone.yaml"));
  expect(Bun.spawnSync(["mkfifo", at("pipe.yaml")]).exitCode).toBe(0);
  writeFileSync(at("large.yaml"), Buffer.alloc(READ_LIMITS.bytes + 1, "# \n"));
  put("below/b.yaml", service("b", 2));
  source.start(heard);
  expect(heard.services).toBe("a=1,b=2");
  const found = [...heard.complaints].map(([place, [first]]) => `${place.slice(folder.length + 1)} ${first?.code}`);
  expect(found.sort()).toEqual(["itself.yaml HED1012", "large.yaml HED1001", "pipe.yaml HED1012"]);
});

test("a folder of more than is read of one is refused whole: what it said before stays, until there is less", async () => {
  const [text, limits] = [service("a", 1), { ...READ_LIMITS, folderBytes: 2 * service("a", 1).length }];
  source = new DirectorySource(folder, limits);
  put("a.yaml", text);
  put("b.yaml", service("b", 2));
  source.start(heard);
  put("a.yaml", service("a", 3));
  put("c.yaml", "#\n");
  const [found] = await until("the complaint", () => heard.complaints.get(folder));
  expect(found).toMatchObject({ code: "HED1012", span: { file: folder } });
  expect(found?.message).toContain(`its files have more than ${limits.folderBytes} bytes together`);
  expect(heard.services).toBe("a=1,b=2");
  rmSync(at("c.yaml"));
  await until("the folder is read again", () => heard.services === "a=3,b=2");
  expect([...heard.complaints.keys()]).toEqual([]);
  const late = new DirectorySource(folder, { ...limits, folderBytes: text.length });
  expect(() => late.start(new Heard())).toThrow(
    `cannot read folder ${folder}: its files have more than ${text.length} bytes together`,
  );
});

test("folders that are links are looked into, each once on a way", () => {
  mkdirSync(at("real"));
  put("real/a.yaml", service("a", 1));
  symlinkSync(at("real"), at("linked"));
  source.start(heard);
  expect(heard.services).toBe("a=1");
  expect([...heard.complaints.keys()]).toEqual([at("real/a.yaml")]);
});

test("of two objects with one name the first counts, the second is reported, and takes over when the first goes", async () => {
  put("a.yaml", service("a", 1));
  put("b.yaml", `${service("a", 2)}---\n${service("a", 3)}`);
  source.start(heard);
  expect(heard.services).toBe("a=1");
  const found = heard.complaints.get(at("b.yaml"))!;
  expect(found.map(({ code, span }) => `${code} ${span?.line}`)).toEqual(["HED1026 3", "HED1026 8"]);
  expect(found[0]?.notes).toEqual([`the first is at ${at("a.yaml")}:3:19`]);
  rmSync(at("a.yaml"));
  await until("the second", () => heard.services === "a=2");
  expect(heard.complaints.get(at("b.yaml"))).toBeArrayOfSize(1);
});

test("an object that moves to a file before its own is not deleted on the way", async () => {
  put("b.yaml", service("a", 1));
  source.start(heard);
  put("a.yaml", service("a", 2));
  rmSync(at("b.yaml"));
  await until("the move", () => heard.services === "a=2");
  expect(heard.events).not.toContain("-a");
});

test("a folder that is not there is a Failure at the start, and keeps what is in force later", async () => {
  expect(() => new DirectorySource(at("missing")).start(heard)).toThrow(Failure);
  put("a.yaml", service("a", 1));
  source.start(heard);
  renameSync(folder, `${folder}-gone`);
  await until("the complaint", () => heard.complaints.get(folder));
  expect(heard.services).toBe("a=1");
  renameSync(`${folder}-gone`, folder);
});
