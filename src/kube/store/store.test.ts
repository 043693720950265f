import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../base/failure.ts";
import type { KubeObject } from "../object.ts";
import { resource } from "../resources.ts";
import { backupStore, restoreStore } from "./backup.ts";
import { SCHEMA } from "./database.ts";
import { Store } from "./store.ts";

const TYPE = resource.configMaps;
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "heddle-store-"));
  folders.push(path);
  return path;
}

function configMap(name: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data };
}

function put(store: Store, object: KubeObject, sync = true): KubeObject {
  const previous = store.get(TYPE, { namespace: "default", name: object.metadata.name });
  return store.commit([{ type: TYPE, previous, next: object }], sync)![0]!;
}

function remove(store: Store, name: string): void {
  const previous = store.get(TYPE, { namespace: "default", name })!;
  store.commit([{ type: TYPE, previous, next: undefined }], true);
}

function failureOf(action: () => unknown): Failure {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("expected a Failure");
}

describe("versions", () => {
  test("one version counts the changes of all kinds, and every object carries its own", () => {
    const store = Store.open(":memory:");
    const first = put(store, configMap("a"));
    const [secret] = store.commit(
      [{ type: resource.secrets, previous: undefined, next: { ...configMap("s"), kind: "Secret" } }],
      true,
    )!;
    expect(Number(secret!.metadata.resourceVersion)).toBe(Number(first.metadata.resourceVersion) + 1);
    expect(store.version).toBe(Number(secret!.metadata.resourceVersion));
  });

  test("a commit whose objects have changed since they were read is refused as a whole", () => {
    const store = Store.open(":memory:");
    const old = put(store, configMap("a"));
    put(store, configMap("a", { k: "1" }));
    const before = store.version;
    const changes = [
      { type: TYPE, previous: undefined, next: configMap("b") },
      { type: TYPE, previous: old, next: configMap("a", { k: "2" }) },
    ];
    expect(store.commit(changes, true)).toBeUndefined();
    expect(store.version).toBe(before);
    expect(store.get(TYPE, { namespace: "default", name: "b" })).toBeUndefined();
  });

  test("objects handed out cannot be changed", () => {
    const store = Store.open(":memory:");
    const object = put(store, configMap("a", { k: "1" }));
    expect(() => Object.assign(object.data as object, { k: "2" })).toThrow(TypeError);
  });
});

describe("history", () => {
  test("a list at an earlier version shows the objects as they were", () => {
    const store = Store.open(":memory:");
    put(store, configMap("a", { k: "1" }));
    put(store, configMap("gone"));
    const then = store.version;
    put(store, configMap("a", { k: "2" }));
    put(store, configMap("a", { k: "3" }));
    put(store, configMap("new"));
    remove(store, "gone");
    const names = store.listAt(TYPE, then)!.objects.map((object) => [object.metadata.name, object.data]);
    expect(names).toEqual([
      ["a", { k: "1" }],
      ["gone", {}],
    ]);
    expect(store.list(TYPE).objects.map(({ metadata }) => metadata.name)).toEqual(["a", "new"]);
  });

  test("events beyond the limit are forgotten, and asking for them says so", () => {
    const store = Store.open(":memory:", { events: 3, characters: 1_000_000 });
    const start = store.version;
    for (const n of [1, 2, 3, 4, 5]) put(store, configMap(`c${n}`));
    expect(store.eventsAfter(TYPE, start)).toBeUndefined();
    expect(store.eventsAfter(TYPE, start + 2)!.map(({ object }) => object.metadata.name)).toEqual(["c3", "c4", "c5"]);
    expect(store.listAt(TYPE, start + 1)).toBeUndefined();
  });

  test("a history of large objects is bounded by their size", () => {
    const store = Store.open(":memory:", { events: 1_000, characters: 10_000 });
    const start = store.version;
    for (const n of [1, 2, 3, 4, 5]) put(store, configMap(`c${n}`, { k: "x".repeat(3_000) }));
    expect(store.eventsAfter(TYPE, start)).toBeUndefined();
    expect(store.eventsAfter(TYPE, start + 2)).toHaveLength(3);
  });

  test("a busy kind does not push out the events of a quiet one", () => {
    const store = Store.open(":memory:", { events: 3, characters: 1_000_000 });
    const start = store.version;
    put(store, configMap("quiet"));
    for (let n = 0; n < 10; n++) {
      const previous = store.get(resource.leases, { namespace: "default", name: "l" });
      const next = { ...configMap("l"), kind: "Lease", spec: { n } };
      store.commit([{ type: resource.leases, previous, next }], false);
    }
    expect(store.eventsAfter(TYPE, start)).toHaveLength(1);
  });
});

describe("the file", () => {
  test("objects and versions survive a restart", () => {
    const path = join(folder(), "heddle.db");
    const store = Store.open(path);
    put(store, configMap("a", { k: "ü\u0000" }));
    put(store, configMap("b"));
    remove(store, "b");
    const { version } = store;
    store.close();
    const again = Store.open(path);
    expect(again.version).toBe(version);
    expect(again.list(TYPE).objects.map(({ data }) => data)).toEqual([{ k: "ü\u0000" }]);
    again.close();
  });

  test("after a crash, versions leave a gap, so that none is ever used twice", async () => {
    const path = join(folder(), "heddle.db");
    const script = `
      import { Store } from ${JSON.stringify(join(import.meta.dir, "store.ts"))};
      import { resource } from ${JSON.stringify(join(import.meta.dir, "../resources.ts"))};
      const store = Store.open(${JSON.stringify(path)});
      const next = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "default" } };
      store.commit([{ type: resource.configMaps, previous: undefined, next }], false);
      process.stdout.write(String(store.version));
      process.kill(process.pid, "SIGKILL");`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const seen = Number(await new Response(child.stdout).text());
    const store = Store.open(path);
    expect(store.version).toBeGreaterThan(seen + 999);
    expect(store.list(TYPE).objects).toHaveLength(1);
    store.close();
  });

  test("is readable by its owner only", () => {
    const path = join(folder(), "state", "heddle.db");
    const store = Store.open(path);
    put(store, configMap("a"));
    for (const name of readdirSync(join(path, ".."))) {
      expect(`${name} ${(statSync(join(path, "..", name)).mode & 0o777).toString(8)}`).toBe(`${name} 600`);
    }
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
    store.close();
  });

  test("belongs to one process at a time", () => {
    const path = join(folder(), "heddle.db");
    const store = Store.open(path);
    const failure = failureOf(() => Store.open(path));
    expect(failure.message).toContain("another process uses it");
    expect(failure.hint).toContain("stop the other process");
    store.close();
    Store.open(path).close();
  });

  test("of a newer schema is refused and left as it is", () => {
    const path = join(folder(), "heddle.db");
    Store.open(path).close();
    const database = new Database(path);
    database.run(`PRAGMA user_version = ${SCHEMA + 3}`);
    database.close();
    const failure = failureOf(() => Store.open(path));
    expect(failure.message).toContain(`has schema ${SCHEMA + 3}: this version of Heddle knows schemas up to ${SCHEMA}`);
    expect(failure.hint).toContain("newer");
    expect(new Database(path, { readonly: true }).query("PRAGMA user_version").get()).toEqual({
      user_version: SCHEMA + 3,
    });
  });

  test("of another program, or no database at all, is refused", () => {
    const foreign = join(folder(), "heddle.db");
    const database = new Database(foreign);
    database.run("CREATE TABLE theirs (a)");
    database.close();
    expect(failureOf(() => Store.open(foreign)).message).toContain("is a database of another program");
    const noise = join(folder(), "heddle.db");
    writeFileSync(noise, "no database at all, but longer than the header of one ".repeat(20));
    expect(failureOf(() => Store.open(noise)).hint).toContain("restore a backup");
  });

  test("in a place that cannot hold one gives a failure that names it", () => {
    const file = join(folder(), "file");
    writeFileSync(file, "");
    const failure = failureOf(() => Store.open(join(file, "heddle.db")));
    expect(failure.message).toContain(join(file, "heddle.db"));
    expect(failure.hint).toBeDefined();
  });

  test("in a folder that this user may not write gives a failure that says so", async () => {
    const parent = folder();
    chmodSync(parent, 0o555);
    const script = `
      if (process.getuid() === 0) process.setuid(65534);
      const { Store } = await import(${JSON.stringify(join(import.meta.dir, "store.ts"))});
      try { Store.open(${JSON.stringify(join(parent, "heddle.db"))}); } catch (error) { console.log(error.message, "|", error.hint); }`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    expect(await new Response(child.stdout).text()).toContain("it cannot be written");
  });

  test("on a full disk, a commit fails with a clear message and changes nothing", async () => {
    const path = join(folder(), "heddle.db");
    // A limit on file sizes is the one way to fill a disk that needs no privilege: 256 blocks of 1 KiB.
    const script = `
      import { Store } from ${JSON.stringify(join(import.meta.dir, "store.ts"))};
      import { resource } from ${JSON.stringify(join(import.meta.dir, "../resources.ts"))};
      const store = Store.open(${JSON.stringify(path)});
      for (let n = 0; ; n++) {
        const before = [store.version, store.list(resource.configMaps).objects.length];
        const next = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" + n, namespace: "default" }, data: { k: "x".repeat(20_000) } };
        try { store.commit([{ type: resource.configMaps, previous: undefined, next }], true); } catch (error) {
          const after = [store.version, store.list(resource.configMaps).objects.length];
          console.log(JSON.stringify({ name: error.name, message: error.message, hint: error.hint, before, after }));
          process.exit(0);
        }
      }`;
    const child = Bun.spawn(
      ["bash", "-c", `trap '' XFSZ; ulimit -f 256; exec "$0" -e "$1"`, process.execPath, script],
      {
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const result = JSON.parse(await new Response(child.stdout).text());
    expect(result.name).toBe("Failure");
    expect(result.message).toContain(`cannot write the store ${path}`);
    expect(result.hint).toContain("nothing was changed");
    expect(result.after).toEqual(result.before);
    const store = Store.open(path);
    expect(store.list(TYPE).objects).toHaveLength(result.before[1]);
    store.close();
  });
});

describe("backup and restore", () => {
  test("a backup taken while the store is in use brings its objects back", () => {
    const at = folder();
    const path = join(at, "heddle.db");
    const store = Store.open(path);
    put(store, configMap("a", { k: "kept" }), false);
    backupStore(path, join(at, "backup.db"));
    put(store, configMap("later"));
    const { version } = store;
    store.close();
    const kept = restoreStore(join(at, "backup.db"), path)!;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const restored = Store.open(path);
    expect(restored.list(TYPE).objects.map(({ data }) => data)).toEqual([{ k: "kept" }]);
    expect(restored.version).toBeGreaterThan(version);
    restored.close();
    const before = Store.open(kept);
    expect(before.list(TYPE).objects).toHaveLength(2);
    before.close();
  });

  test("a restore to a place without a store makes one", () => {
    const at = folder();
    const store = Store.open(join(at, "a.db"));
    put(store, configMap("a"));
    backupStore(store.path, join(at, "backup.db"));
    store.close();
    expect(restoreStore(join(at, "backup.db"), join(at, "new", "b.db"))).toBeUndefined();
    const restored = Store.open(join(at, "new", "b.db"));
    expect(restored.list(TYPE).objects).toHaveLength(1);
    restored.close();
  });

  test("a restore is refused while the store is in use", () => {
    const at = folder();
    const store = Store.open(join(at, "heddle.db"));
    put(store, configMap("a"));
    backupStore(store.path, join(at, "backup.db"));
    expect(failureOf(() => restoreStore(join(at, "backup.db"), store.path)).message).toContain(
      "another process uses it",
    );
    expect(store.list(TYPE).objects).toHaveLength(1);
    store.close();
  });

  test("a damaged, foreign or newer backup is refused, and the store stays as it is", () => {
    const at = folder();
    const path = join(at, "heddle.db");
    const store = Store.open(path);
    for (let n = 0; n < 50; n++) put(store, configMap(`c${n}`, { k: "x".repeat(2_000) }), false);
    backupStore(path, join(at, "good.db"));
    store.close();

    const bytes = new Uint8Array(readFileSync(join(at, "good.db")));
    bytes.fill(0xff, 8_192, 40_960);
    writeFileSync(join(at, "damaged.db"), bytes);
    writeFileSync(join(at, "noise.db"), "noise");
    const newer = new Database(join(at, "good.db"));
    newer.run(`PRAGMA user_version = ${SCHEMA + 1}`);
    newer.close();

    for (const name of ["damaged.db", "noise.db", "good.db", "missing.db"]) {
      expect(failureOf(() => restoreStore(join(at, name), path)).message).toContain(name);
      expect(existsSync(`${path}.partial`)).toBe(false);
    }
    const again = Store.open(path);
    expect(again.list(TYPE).objects).toHaveLength(50);
    again.close();
  });

  test("a backup does not overwrite a file", () => {
    const at = folder();
    const store = Store.open(join(at, "heddle.db"));
    writeFileSync(join(at, "taken"), "mine");
    expect(failureOf(() => backupStore(store.path, join(at, "taken"))).message).toContain("exists");
    store.close();
  });
});
