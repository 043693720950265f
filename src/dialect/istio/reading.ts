// What the reading of one object needs at every step.

import type { Origin } from "../../model/origin.ts";
import type { MeshSettings } from "../../model/settings.ts";
import type { SourceObject } from "../object.ts";
import type { Reporter } from "../reporter.ts";

export interface Reading {
  readonly object: SourceObject;
  readonly origin: Origin;
  /** The object's own: what short host names are completed with. */
  readonly namespace: string;
  readonly settings: MeshSettings;
  readonly reporter: Reporter;
}

export function reading(object: SourceObject, settings: MeshSettings, reporter: Reporter): Reading {
  return { object, origin: object.origin, namespace: object.origin.namespace, settings, reporter };
}
