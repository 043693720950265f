// Judges a write to the embedded API before it is stored: what the dialects call an error is refused, with the field; a warning is shown.

import type { Diagnostic } from "../base/diagnostic.ts";
import { check } from "../dialect/dialects.ts";
import { sourceObject } from "../dialect/object.ts";
import type { Admit } from "../kube/admission.ts";
import type { MeshSettings } from "../model/settings.ts";

function text({ message, suggestion, code }: Diagnostic): string {
  return `${message}${suggestion ? ` (${suggestion})` : ""} [${code}]`;
}

export function admission(settings: MeshSettings): Admit {
  return async (operation, object) => {
    if (operation === "DELETE") return { kind: "allowed", warnings: [] };
    const read = sourceObject(object);
    const diagnostics = read.kind === "invalid" ? read.diagnostics : check(read.object, settings);
    const warnings = diagnostics
      .filter(({ severity }) => severity === "warning")
      .map((diagnostic) => (diagnostic.path ? `${diagnostic.path}: ${text(diagnostic)}` : text(diagnostic)));
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
