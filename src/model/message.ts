// A finding before it is known where it applies, and how it becomes a diagnostic.

import type { Diagnostic, Severity } from "../base/diagnostic.ts";
import type { Origin } from "./origin.ts";
import type { SpanFinder } from "./source-map.ts";

export interface Message {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly suggestion?: string | undefined;
  readonly notes?: readonly string[] | undefined;
  /** What to underline: the value (the default) or the field's name. */
  readonly part?: "value" | "name";
}

/** Attaches object, path and, for an object from a file, the place. */
export function diagnose(message: Message, origin: Origin, path: string, spans?: SpanFinder): Diagnostic {
  const { code, severity, suggestion, notes, part } = message;
  const span = spans?.(path, part);
  return {
    code,
    severity,
    message: message.message,
    object: { kind: origin.kind, namespace: origin.namespace, name: origin.name },
    ...(path === "" ? {} : { path }),
    ...(span ? { span } : {}),
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(notes === undefined ? {} : { notes }),
  };
}
