// Why a fetch failed, in a few words: Bun's own are advice to programmers.

import { Failure } from "./failure.ts";

export function fetchProblem(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : "";
  if (code === "ConnectionRefused" || code === "ECONNREFUSED") return "connection refused";
  if (code === "ConnectionClosed" || code === "ECONNRESET") return "the connection was closed";
  return cause instanceof Error && cause.name === "TimeoutError" ? "no answer" : Failure.from(cause).message;
}
