// What the embedded API shows of the kinds: `kubectl explain`, and the definitions that tools look for.

import type { ResourceType } from "../kube/resources.ts";
import type { Schema } from "../kube/schema.ts";
import { REFERENCE_KINDS } from "./kinds.ts";
import { structuralSchema } from "./structural.ts";

export const DOCUMENTED_SCHEMAS: ReadonlyMap<ResourceType, Schema> = new Map(
  REFERENCE_KINDS.map((kind) => [kind.type, structuralSchema(kind)]),
);
