// Judges a write to the embedded API before it is stored: what the dialects or the analyzers of single objects call an error is refused,
// with the field, and so is what the analyzers say of it beside the objects that are there, as far as it is new; a warning is shown.

import { analyzeAlone } from "../analyze/analyze.ts";
import { broughtBy } from "../analyze/brought.ts";
import type { Held } from "../analyze/held.ts";
import { type Diagnostic, hasErrors } from "../base/diagnostic.ts";
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

const NOTHING: Held = () => [];

/**
 * `settings`: those in force. `overruledBy`: the name of a source that holds an object of that key, which counts instead of the API's. `held`: the
 * objects of a kind that are there at this moment.
 */
export function admission(
  settings: () => MeshSettings,
  overruledBy: (key: string) => string | undefined,
  held: Held = NOTHING,
): Admit {
  return async (operation, object, _old, together) => {
    const read = sourceObject(object);
    const winner = read.kind === "object" ? overruledBy(read.object.key) : undefined;
    const overruled = winner === undefined ? [] : [`${messageOf(winner)} [${OVERRULED}]`];
    if (operation === "DELETE") return { kind: "allowed", warnings: overruled };
    const alone =
      read.kind === "invalid"
        ? read.diagnostics
        : [...check(read.object, settings()), ...analyzeAlone(read.object, settings())];
    const isFine = read.kind === "object" && winner === undefined && !hasErrors(alone);
    const brought = isFine ? broughtBy(read.object, { held, settings: settings() }, new Set(together)) : [];
    const diagnostics = [...alone, ...brought];
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
