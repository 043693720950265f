// Where objects come from: an API server, or a folder of YAML. A source tells what it has and then what changes.

import type { Diagnostic } from "../../base/diagnostic.ts";
import type { SourceObject } from "../../dialect/object.ts";

export interface SourceListener {
  onObject(object: SourceObject): void;
  /** `key` as originKey(origin) gives it. */
  onDeleted(key: string): void;
  /** What of a file or object could not be read at all; replaces what was said of `place` before, empty when it is in order again. */
  onUnreadable(place: string, diagnostics: readonly Diagnostic[]): void;
  /** Everything that was there at the start has been told. */
  onSynced(): void;
}

export interface Source {
  /** As in "… holds an object of this name". */
  readonly name: string;
  start(listener: SourceListener): void;
  stop(): void;
}
