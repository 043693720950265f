// What a trusted caller asks of the router in header fields, which go no further (Envoy: FilterUtility::finalTimeout, RetryStateImpl).
// From callers that are not trusted they were removed before (request-headers.ts).

import type { HeaderList } from "../../http/headers.ts";
import { readConditions } from "../../table/accept/retry-policy.ts";
import type { RetryPolicy } from "../../table/retry-policy.ts";

/** In ms; undefined: not asked for. */
export interface RouterHeaders {
  retryOn: string | undefined;
  maxRetries: number | undefined;
  statusCodes: string | undefined;
  headerNames: string | undefined;
  timeoutMs: number | undefined;
  perTryTimeoutMs: number | undefined;
  hedge: boolean | undefined;
}

const COMMANDS: Readonly<Record<string, (asked: RouterHeaders, value: string) => void>> = {
  "x-envoy-retry-on": (asked, value) => {
    asked.retryOn = asked.retryOn === undefined ? value : `${asked.retryOn},${value}`;
  },
  "x-envoy-retry-grpc-on": (asked, value) => {
    asked.retryOn = asked.retryOn === undefined ? value : `${asked.retryOn},${value}`;
  },
  "x-envoy-max-retries": (asked, value) => {
    asked.maxRetries = wholeNumber(value);
  },
  "x-envoy-retriable-status-codes": (asked, value) => {
    asked.statusCodes = value;
  },
  "x-envoy-retriable-header-names": (asked, value) => {
    asked.headerNames = value;
  },
  "x-envoy-upstream-rq-timeout-ms": (asked, value) => {
    asked.timeoutMs = wholeNumber(value);
  },
  "x-envoy-upstream-rq-per-try-timeout-ms": (asked, value) => {
    asked.perTryTimeoutMs = wholeNumber(value);
  },
  "x-envoy-hedge-on-per-try-timeout": (asked, value) => {
    asked.hedge = value === "true";
  },
};

function wholeNumber(value: string): number | undefined {
  return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/** Takes them out; undefined when there was none. One pass: most requests have none. */
export function takeRouterHeaders(headers: HeaderList): RouterHeaders | undefined {
  let asked: RouterHeaders | undefined;
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i]!;
    const command = name.charCodeAt(0) === 120 /* x */ && name.startsWith("x-envoy-") ? COMMANDS[name] : undefined;
    if (!command) continue;
    asked ??= {
      retryOn: undefined,
      maxRetries: undefined,
      statusCodes: undefined,
      headerNames: undefined,
      timeoutMs: undefined,
      perTryTimeoutMs: undefined,
      hedge: undefined,
    };
    command(asked, headers[i + 1]!);
    headers.splice(i, 2);
  }
  return asked;
}

const NO_POLICY: RetryPolicy = {
  on: new Set(),
  retries: 1,
  perTryTimeoutMs: 0,
  perTryIdleTimeoutMs: 0,
  statusCodes: new Set(),
  retriableHeaders: [],
  retriableRequestHeaders: [],
  backoffBaseMs: 25,
  backoffMaxMs: 250,
  rateLimited: undefined,
  hostPredicates: [],
  hostSelectionAttempts: 1,
  previousPriorities: undefined,
};

function listOf(text: string | undefined): readonly string[] {
  return (text ?? "").split(",").flatMap((word) => word.trim() || []);
}

/** The route's policy with what was asked for over it; undefined: there is none, and none was asked for. */
export function retryPolicyAsked(policy: RetryPolicy | undefined, asked: RouterHeaders): RetryPolicy | undefined {
  if (!policy && asked.retryOn === undefined) return undefined;
  const base = policy ?? NO_POLICY;
  const conditions = readConditions(asked.retryOn ?? "");
  const codes = listOf(asked.statusCodes).map(Number).filter(Number.isInteger);
  const names = listOf(asked.headerNames);
  return {
    ...base,
    on: new Set([...base.on, ...conditions.on]),
    retries: asked.maxRetries ?? base.retries,
    perTryTimeoutMs: asked.perTryTimeoutMs ?? base.perTryTimeoutMs,
    statusCodes: new Set([...base.statusCodes, ...conditions.codes, ...codes]),
    retriableHeaders: [
      ...base.retriableHeaders,
      ...names.map((name) => ({
        name: name.toLowerCase(),
        test: { kind: "present" } as const,
        invert: false,
        missingAsEmpty: false,
      })),
    ],
  };
}
