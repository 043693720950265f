// Judges a write to the embedded API before it is stored: what the dialects or the analyzers of single objects call an error is refused,
// with the field; a warning is shown.

import { analyzeAlone } from "../analyze/analyze.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { check } from "../dialect/dialects.ts";
import { sourceObject } from "../dialect/object.ts";
import type { Admit } from "../kube/admission.ts";
import type { MeshSettings } from "../model/settings.ts";
import { messageOf } from "./overruled.ts";

/** The code of dialect/diagnostics. */
export const OVERRULED = "HED1027";

function text({ message, suggestion, code }: Diagnostic): string {
  return `${message}${suggestion ? ` (${suggestion})` : ""} [${code}]`;
}

/** `settings`: those in force. `overruledBy`: the name of a source that holds an object of that key, which counts instead of the API's. */
export function admission(settings: () => MeshSettings, overruledBy: (key: string) => string | undefined): Admit {
  return async (operation, object) => {
    const read = sourceObject(object);
    const winner = read.kind === "object" ? overruledBy(read.object.key) : undefined;
    const overruled = winner === undefined ? [] : [`${messageOf(winner)} [${OVERRULED}]`];
    if (operation === "DELETE") return { kind: "allowed", warnings: overruled };
    const diagnostics =
      read.kind === "invalid"
        ? read.diagnostics
        : [...check(read.object, settings()), ...analyzeAlone(read.object, settings())];
    const own = diagnostics
      .filter(({ severity }) => severity === "warning")
      .map((diagnostic) => (diagnostic.path ? `${diagnostic.path}: ${text(diagnostic)}` : text(diagnostic)));
    const warnings = [...overruled, ...own];
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    if (errors.length === 0) return { kind: "allowed", warnings };
    return {
      kind: "refused",
      reason: "Invalid",
      message: errors.map(text).join("; "),
      causes: errors.map((diagnostic) => ({ field: diagnostic.path ?? "", message: text(diagnostic) })),
      warnings,
    };
  };
}
