// A folder of YAML files, watched. Objects of a file that cannot be read any more stay as they were: the last good configuration serves.

import { type FSWatcher, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { hasErrors } from "../../base/diagnostic.ts";
import { Failure } from "../../base/failure.ts";
import { readObjects } from "../../dialect/object.ts";
import { originKey } from "../../model/origin.ts";
import type { Source, SourceListener } from "./source.ts";

/** Editors write a file in several steps; it is read when it has been quiet for so long. */
const SETTLE_MS = 50;
const YAML_FILE = /\.(?:ya?ml|json)$/i;

export class DirectorySource implements Source {
  readonly #folder: string;
  /** Keys of the objects of each file. */
  readonly #files = new Map<string, ReadonlySet<string>>();
  #listener: SourceListener | undefined;
  #watcher: FSWatcher | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws Failure when the folder cannot be read. */
  start(listener: SourceListener): void {
    this.#listener = listener;
    this.#readAll();
    this.#watcher = watch(this.#folder, { recursive: true }, () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#readAll(), SETTLE_MS);
    });
    listener.onSynced();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder, { recursive: true, encoding: "utf8" })
        .filter((name) => YAML_FILE.test(name))
        .sort();
    } catch (thrown) {
      throw new Failure(
        `cannot read folder ${this.#folder}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        { cause: thrown },
      );
    }
  }

  #readAll(): void {
    const names = this.#names();
    for (const name of names) this.#read(join(this.#folder, name));
    const present = new Set(names.map((name) => join(this.#folder, name)));
    for (const [file, keys] of this.#files) {
      if (present.has(file)) continue;
      this.#files.delete(file);
      this.#listener!.onUnreadable(file, []);
      for (const key of keys) this.#listener!.onDeleted(key);
    }
  }

  #read(file: string): void {
    const listener = this.#listener!;
    let content: Uint8Array;
    try {
      content = readFileSync(file);
    } catch {
      return; // removed between listing and reading: the next look tells
    }
    const { objects, diagnostics } = readObjects(file, content);
    listener.onUnreadable(file, diagnostics);
    const keys = new Set(objects.map(({ origin }) => originKey(origin)));
    for (const object of objects) listener.onObject(object);
    const before = this.#files.get(file) ?? new Set();
    if (hasErrors(diagnostics)) {
      // What stood in the broken part is not taken for deleted.
      this.#files.set(file, new Set([...before, ...keys]));
      return;
    }
    this.#files.set(file, keys);
    for (const key of before) if (!keys.has(key)) listener.onDeleted(key);
  }
}
