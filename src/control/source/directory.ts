// A folder of YAML files, watched. Objects of a file that cannot be read any more stay as they were: the last good configuration serves.

import { type FSWatcher, statSync, watch } from "node:fs";
import { readBounded } from "../../base/bounded-file.ts";
import { type Diagnostic, hasErrors } from "../../base/diagnostic.ts";
import { Failure } from "../../base/failure.ts";
import { filesBelow } from "../../base/object-folder.ts";
import * as diagnostics from "../../dialect/diagnostics.ts";
import { addressedServices, WATCHED } from "../../dialect/kubernetes/service-addresses.ts";
import { folderTooLarge, READ_LIMITS, type ReadLimits } from "../../dialect/limits.ts";
import { readObjects, type SourceObject } from "../../dialect/object.ts";
import { diagnose } from "../../model/message.ts";
import { originKey } from "../../model/origin.ts";
import { Debounce } from "../debounce.ts";
import type { Source, SourceListener } from "./source.ts";

/** Editors write a file in several steps; it is read when it has been quiet for so long. */
const SETTLE = { quietMs: 50, maxMs: 1_000 } as const;

/** A file as it was last read. */
interface ReadFile {
  readonly content: Uint8Array;
  /** What it has, and what its broken part had before. */
  readonly objects: readonly SourceObject[];
  readonly diagnostics: readonly Diagnostic[];
}

const EMPTY: ReadFile = { content: new Uint8Array(), objects: [], diagnostics: [] };

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function unreadable(place: string, thrown: unknown): Diagnostic {
  const { code, severity, message } = diagnostics.cannotRead(reasonOf(thrown));
  return { code, severity, message, span: { file: place, line: 1, column: 1, length: 0, text: "" } };
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}

/** To read a pipe is to wait for who writes to it, with everything else that the control plane does. */
function contentOf(file: string): Uint8Array {
  if (!statSync(file).isFile()) throw new Failure("it is no regular file");
  return readBounded(file, READ_LIMITS.bytes);
}

function repetition({ origin, spans }: SourceObject, first: SourceObject): Diagnostic {
  const message = diagnostics.duplicateObject(origin.kind, first.spans?.("metadata.name"));
  return diagnose(message, origin, "metadata.name", spans);
}

/** What a file says now. What stood in a broken part is not taken for deleted. */
function readAgain(file: string, content: Uint8Array, before: ReadFile): ReadFile {
  const read = readObjects(file, content);
  if (!hasErrors(read.diagnostics)) return { content, ...read };
  const keys = new Set(read.objects.map(({ origin }) => originKey(origin)));
  const kept = before.objects.filter(({ origin }) => !keys.has(originKey(origin)));
  return { content, objects: [...read.objects, ...kept], diagnostics: read.diagnostics };
}

export class DirectorySource implements Source {
  readonly name: string;
  readonly #folder: string;
  readonly #limits: ReadLimits;
  /** By path, sorted. */
  #files: ReadonlyMap<string, ReadFile> = new Map();
  /** By key: what the listener has. */
  #told: ReadonlyMap<string, SourceObject> = new Map();
  #complaints: ReadonlySet<string> = new Set();
  #listener: SourceListener | undefined;
  #watcher: FSWatcher | undefined;
  readonly #settle = new Debounce(SETTLE, () => this.#look());

  constructor(folder: string, limits: ReadLimits = READ_LIMITS) {
    this.name = `the folder ${folder}`;
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Whether a file has an object of that key, as originKey gives it. */
  holds(key: string): boolean {
    return this.#told.has(key);
  }

  /** What the files hold now. */
  get objects(): Iterable<SourceObject> {
    return this.#told.values();
  }

  /** @throws Failure when the folder cannot be read. */
  start(listener: SourceListener): void {
    this.#listener = listener;
    try {
      this.#watcher = watch(this.#folder, { recursive: true }, () => this.#settle.touch());
      this.#tell(this.#read());
    } catch (thrown) {
      this.stop();
      throw new Failure(`cannot read folder ${this.#folder}: ${reasonOf(thrown)}`, { cause: thrown });
    }
    this.#watcher.on("error", () => this.#settle.touch()); // a folder that went away: looking again says so
    listener.onSynced();
  }

  stop(): void {
    this.#settle.cancel();
    this.#watcher?.close();
  }

  #look(): void {
    try {
      this.#tell(this.#read());
    } catch (thrown) {
      this.#complain(new Map([[this.#folder, [unreadable(this.#folder, thrown)]]]));
    }
  }

  /** @throws Failure for more than is read of a folder: of a part of it objects would be missing, and taken for deleted. */
  #read(): ReadonlyMap<string, ReadFile> {
    const files = new Map<string, ReadFile>();
    let bytes = 0;
    for (const file of [...filesBelow(this.#folder)].sort()) {
      const before = this.#files.get(file) ?? EMPTY;
      try {
        const content = contentOf(file);
        const same = before.diagnostics.length === 0 && Buffer.compare(content, before.content) === 0;
        files.set(file, same ? before : readAgain(file, content, before));
      } catch (thrown) {
        // Removed between listing and reading, or a link to nothing: it is not there.
        if (isMissing(thrown)) continue;
        files.set(file, { content: EMPTY.content, objects: before.objects, diagnostics: [unreadable(file, thrown)] });
      }
      bytes += files.get(file)?.content.length ?? 0;
      if (bytes > this.#limits.folderBytes) throw new Failure(folderTooLarge(this.#limits.folderBytes));
    }
    return files;
  }

  /** Of two objects with one name the first counts, by path and then by place, as for every command that reads files. */
  #tell(files: ReadonlyMap<string, ReadFile>): void {
    const listener = this.#listener!;
    const objects = new Map<string, SourceObject>();
    const complaints = new Map<string, readonly Diagnostic[]>();
    for (const [file, read] of files) {
      const repeated: Diagnostic[] = [];
      for (const object of read.objects) {
        const key = object.key;
        const first = objects.get(key);
        if (first) repeated.push(repetition(object, first));
        else objects.set(key, object);
      }
      if (read.diagnostics.length + repeated.length > 0) complaints.set(file, [...read.diagnostics, ...repeated]);
    }
    for (const object of addressedServices([...objects.values()], WATCHED)) objects.set(object.key, object);
    for (const key of this.#told.keys()) if (!objects.has(key)) listener.onDeleted(key);
    for (const [key, object] of objects) if (this.#told.get(key) !== object) listener.onObject(object);
    this.#files = files;
    this.#told = objects;
    this.#complain(complaints);
  }

  #complain(complaints: ReadonlyMap<string, readonly Diagnostic[]>): void {
    for (const place of this.#complaints) if (!complaints.has(place)) this.#listener!.onUnreadable(place, []);
    for (const [place, found] of complaints) this.#listener!.onUnreadable(place, found);
    this.#complaints = new Set(complaints.keys());
  }
}
