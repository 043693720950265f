// What a code stands for, and how a finding is made of one.

import type { Diagnostic } from "../base/diagnostic.ts";
import type { Message } from "../model/message.ts";
import type { CodeInfo } from "./code-info.ts";
import { HEDDLE_CODES } from "./codes/heddle.ts";
import { ISTIO_CODES } from "./codes/istio.ts";
import { KIALI_CODES } from "./codes/kiali.ts";

export const CODES = { ...ISTIO_CODES, ...KIALI_CODES, ...HEDDLE_CODES } as const;
export type Code = keyof typeof CODES;

export function infoOf(code: string): CodeInfo | undefined {
  return Object.hasOwn(CODES, code) ? CODES[code as Code] : undefined;
}

/** A diagnostic with the other codes that it goes by. */
export interface Finding extends Diagnostic {
  readonly also?: readonly string[];
}

export function finding(code: Code, message: string, suggestion?: string): Message {
  const { level } = CODES[code];
  return { code, severity: level, message, suggestion };
}

/** Where a code is explained; undefined for those of Heddle's dialects, whose messages say it all. */
export function documentationOf(code: string): string | undefined {
  if (code.startsWith("IST")) return `https://istio.io/latest/docs/reference/config/analysis/${code.toLowerCase()}/`;
  return code.startsWith("KIA") ? "https://kiali.io/docs/features/validations/" : undefined;
}

/** Every code that a finding answers to. */
export function codesOf({ code, also = [] }: Finding): readonly string[] {
  return [code, ...also];
}
