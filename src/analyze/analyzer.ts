// What an analyzer is: a pure function from objects to findings about them.

import type { SourceObject } from "../dialect/object.ts";
import type { Message } from "../model/message.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { Code } from "./code.ts";
import type { World } from "./world.ts";

/** Takes a finding about a field of an object; "" is the object as a whole. */
export type Report = (object: SourceObject, path: string, message: Message) => void;

interface Described {
  /** As `--list-analyzers` shows it and `--analyzer` takes it. */
  readonly name: string;
  readonly about: string;
  readonly codes: readonly Code[];
}

/** Looks at one object alone, so a write of it is judged by the same function. */
export interface ObjectAnalyzer extends Described {
  readonly scope: "object";
  analyze(object: SourceObject, report: Report, settings: MeshSettings): void;
}

/** Looks at objects together. */
export interface MeshAnalyzer extends Described {
  readonly scope: "mesh";
  analyze(world: World, report: Report): void;
}

export type Analyzer = ObjectAnalyzer | MeshAnalyzer;
