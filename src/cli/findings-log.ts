// What is wrong with the configuration of a running control plane, told once: when it appears, and that it is gone.

import type { Diagnostic } from "../base/diagnostic.ts";
import type { Compilation } from "../control/pipeline.ts";
import { diagnosticsText } from "./failure-report.ts";
import type { Style } from "./terminal.ts";

export class FindingsLog {
  readonly #style: Style;
  readonly #write: (text: string) => void;
  #shown = new Map<string, Diagnostic>();

  constructor(style: Style, write: (text: string) => void = (text) => void process.stderr.write(text)) {
    this.#style = style;
    this.#write = write;
  }

  show({ findings, verdicts }: Pick<Compilation, "findings" | "verdicts">): void {
    const all = [...findings, ...[...verdicts.values()].flatMap(({ diagnostics }) => diagnostics)];
    const now = new Map(
      all
        .filter(({ severity }) => severity !== "info")
        .map((diagnostic) => [diagnosticsText([diagnostic], this.#style), diagnostic]),
    );
    for (const [text, diagnostic] of now)
      if (!this.#shown.has(text)) this.#write(`${text}\n${this.#consequence(diagnostic, verdicts)}`);
    for (const [text, diagnostic] of this.#shown)
      if (!now.has(text)) this.#write(`${this.#style.green("resolved")} ${diagnostic.code}: ${diagnostic.message}\n`);
    this.#shown = now;
  }

  /** Of an error: that what was good before goes on serving. */
  #consequence({ severity, object, span }: Diagnostic, verdicts: Compilation["verdicts"]): string {
    if (severity !== "error") return "";
    const verdict = [...verdicts.values()].find(
      ({ object: { origin } }) =>
        origin.kind === object?.kind && origin.namespace === object.namespace && origin.name === object.name,
    );
    const keeps = verdict ? verdict.servesEarlier : span !== undefined;
    return keeps ? `  ${this.#style.dim("the last good version stays in force")}\n` : "";
  }
}
