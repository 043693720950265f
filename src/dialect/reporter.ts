// Collects what is wrong with one object while it is read and translated.

import type { Diagnostic, SourceSpan } from "../base/diagnostic.ts";
import { diagnose, type Message } from "../model/message.ts";
import type { SpanFinder } from "../model/source-map.ts";
import * as bounds from "./bound-diagnostics.ts";
import { READ_LIMITS } from "./limits.ts";
import type { SourceObject } from "./object.ts";
import type { Schema } from "./schema.ts";
import type { StandIns } from "./stand-in.ts";

/** To parse an instruction takes up to some ten µs, as a class of Unicode without case does. A thousand expressions of people have some 60,000. */
const MAX_PROGRAMS = 200_000;

export class Reporter {
  readonly #object: SourceObject;
  readonly #diagnostics: Diagnostic[] = [];
  #root: Schema | undefined;
  #failed = false;
  #fieldsFailed = false;
  #programs = 0;
  /** Undefined: a field that is wrong is left out with all that is around it. */
  readonly standIns: StandIns | undefined;

  constructor(object: SourceObject, standIns?: StandIns) {
    this.#object = object;
    this.standIns = standIns;
  }

  /** The table of the whole object, in which a misplaced field has its place. */
  get root(): Schema | undefined {
    return this.#root;
  }

  readBy(root: Schema): void {
    this.#root = root;
  }

  /** Of the object. */
  get namespace(): string {
    return this.#object.origin.namespace;
  }

  report(path: string, message: Message): void {
    this.#add(path, message, this.#object.spans);
  }

  #add(path: string, message: Message, spans: SpanFinder | undefined): void {
    if (message.severity === "error") this.#failed = true;
    // Past the limit nobody reads on, and every span costs a look into the file; errors still count.
    if (this.isFull) return;
    this.#diagnostics.push(diagnose(message, this.#object.origin, path, spans));
  }

  /** As `report`, at a place inside of the text that stands at `path`: `within` counts from the text's first line. */
  reportWithin(path: string, message: Message, within: SourceSpan | undefined): void {
    const { spans } = this.#object;
    const finder: SpanFinder | undefined = spans && ((at) => spans(at, within ? { within } : "value"));
    this.#add(path, message, finder);
  }

  /** Whether the object's regular expressions, this one of `size` instructions among them, are few enough to be looked at. */
  hasRoomFor(size: number, path: string): boolean {
    const before = this.#programs;
    this.#programs += size;
    if (this.#programs <= MAX_PROGRAMS) return true;
    if (before <= MAX_PROGRAMS) this.report(path, bounds.programsTooLarge(MAX_PROGRAMS));
    return false;
  }

  /** Of the same object, with the same stand-ins: what it is told stays with it. */
  silent(): Reporter {
    return new Reporter(this.#object, this.standIns);
  }

  /** As an error that is told to nobody: for who asks `isFull` before he looks for words. */
  fail(): void {
    this.#failed = true;
  }

  /** Fields are wrong by themselves: what they mean together was not looked at. */
  failFields(): void {
    this.#fieldsFailed = true;
  }

  get fieldsFailed(): boolean {
    return this.#fieldsFailed;
  }

  /** What is reported now is told to nobody. */
  get isFull(): boolean {
    return this.#diagnostics.length >= READ_LIMITS.findings;
  }

  /** Whether there was an error: the object is then rejected as a whole. */
  get failed(): boolean {
    return this.#failed;
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }
}
