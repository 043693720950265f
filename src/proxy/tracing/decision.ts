// Whether a request is traced: by its id, so that every proxy on its way decides alike.

import { getHeader, type HeaderList, setHeader } from "../../http/headers.ts";
import type { RequestIdRules, Share, TraceSampling } from "../../table/tracing.ts";

/** Envoy: Tracing::Reason. */
export type TraceReason = "not-traceable" | "sampling" | "client-forced" | "service-forced";

/** The version digit of a UUID, where Envoy keeps the reason (UUIDRequestIDExtension). */
const REASON_AT = 14;
const UUID_LENGTH = 36;
const SHARES = 10_000;
const HEX_32 = /^[0-9a-fA-F]{8}/;

function reasonOf(id: string): TraceReason {
  if (id.length !== UUID_LENGTH) return "not-traceable";
  switch (id[REASON_AT]) {
    case "9":
      return "sampling";
    case "a":
      return "service-forced";
    case "b":
      return "client-forced";
    default:
      return "not-traceable";
  }
}

const DIGITS: Readonly<Record<TraceReason, string>> = {
  "not-traceable": "4",
  sampling: "9",
  "service-forced": "a",
  "client-forced": "b",
};

function isIn({ numerator, denominator }: Share, number: number): boolean {
  return number % denominator < numerator;
}

/** Decides, and has x-request-id say it (Envoy: ConnectionManagerImpl, mutateTracingRequestHeader). `random`: from 0 to 1 (exclusive). */
export function decideTrace(
  headers: HeaderList,
  { client, random, overall }: TraceSampling,
  { packsReason, decidesTracing }: RequestIdRules,
  chance: number,
): TraceReason {
  if (!decidesTracing) return "sampling";
  const id = getHeader(headers, "x-request-id");
  if (id === undefined || !HEX_32.test(id)) return "not-traceable";
  const number = Number.parseInt(id.slice(0, 8), 16) % SHARES;
  let reason = reasonOf(id);
  if (reason === "not-traceable") {
    if (getHeader(headers, "x-client-trace-id") !== undefined && isIn(client, Math.floor(chance * SHARES)))
      reason = "client-forced";
    else if (getHeader(headers, "x-envoy-force-trace") !== undefined) reason = "service-forced";
    else if (isIn(random, number)) reason = "sampling";
  }
  if (reason !== "not-traceable" && !isIn(overall, number)) reason = "not-traceable";
  if (packsReason && id.length === UUID_LENGTH && id[REASON_AT] !== DIGITS[reason])
    setHeader(headers, "x-request-id", id.slice(0, REASON_AT) + DIGITS[reason] + id.slice(REASON_AT + 1));
  return reason;
}
