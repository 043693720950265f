// What a check of `heddle check` finds.

import { Failure } from "../base/failure.ts";

export type CheckResult =
  | { readonly kind: "passed"; readonly description: string }
  | { readonly kind: "warned" | "failed"; readonly description: string; readonly hint: string | undefined };

export interface Category {
  readonly name: string;
  readonly checks: readonly CheckResult[];
}

export function passed(description: string): CheckResult {
  return { kind: "passed", description };
}

export function warned(description: string, hint?: string): CheckResult {
  return { kind: "warned", description, hint };
}

/** `problem`: a hint, or what was thrown, which brings its own. */
export function failed(description: string, problem?: unknown): CheckResult {
  if (problem === undefined || typeof problem === "string") return { kind: "failed", description, hint: problem };
  const { message, hint } = Failure.from(problem);
  return { kind: "failed", description: `${description}: ${message}`, hint };
}

export function resultsOf(categories: readonly Category[]): { readonly faults: number; readonly warnings: number } {
  const kinds = categories.flatMap(({ checks }) => checks.map(({ kind }) => kind));
  return {
    faults: kinds.filter((kind) => kind === "failed").length,
    warnings: kinds.filter((kind) => kind === "warned").length,
  };
}
