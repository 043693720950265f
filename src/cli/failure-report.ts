// What a person reads when a command fails: one message with the place, and the way out below it. Stacks are for --debug.

import { type Diagnostic, hasErrors, renderDiagnostic } from "../base/diagnostic.ts";
import { EXIT, type ExitCode, Failure } from "../base/failure.ts";
import type { Style } from "./terminal.ts";

/** The text for standard error, without a newline at its end. */
export function failureText(thrown: unknown, style: Style, debug: boolean): string {
  const failure = Failure.from(thrown);
  const lines = [`${style.red(style.bold("error:"))} ${failure.message}`];
  const hint =
    failure.hint ??
    (thrown instanceof Failure ? undefined : "run the command again with --debug to see where it came from");
  if (hint !== undefined) lines.push(`  ${style.cyan("try:")} ${hint}`);
  if (debug) {
    for (let cause: unknown = thrown; cause instanceof Error; cause = cause.cause) {
      lines.push(style.dim(cause.stack ?? String(cause)));
    }
  }
  return lines.join("\n");
}

/** Diagnostics of files, errors first, and how many there are of each. */
export function diagnosticsText(diagnostics: readonly Diagnostic[], style: Style): string {
  const paint = { error: style.red, warning: style.yellow, info: style.dim } as const;
  const order = ["error", "warning", "info"] as const;
  const sorted = order.flatMap((severity) => diagnostics.filter((diagnostic) => diagnostic.severity === severity));
  return sorted
    .map((diagnostic) => {
      const text = renderDiagnostic(diagnostic);
      const head = text.indexOf("]") + 1;
      return paint[diagnostic.severity](text.slice(0, head)) + text.slice(head);
    })
    .join("\n");
}

/** The failure of a command whose diagnostics have been printed. */
export function refusedFiles(diagnostics: readonly Diagnostic[], consequence: string): Failure | undefined {
  if (!hasErrors(diagnostics)) return undefined;
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  const exit: ExitCode = EXIT.data;
  return new Failure(`${errors === 1 ? "1 error" : `${errors} errors`} found: ${consequence}`, { exit });
}
