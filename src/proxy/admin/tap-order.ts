// What is asked of a tap: Envoy's TapRequest in a POST, or the parameters of a GET.

import { fromJson } from "@bufbuild/protobuf";
import { acceptHeaderMatch } from "../../table/accept/match.ts";
import { Scope } from "../../table/accept/scope.ts";
import type { HeaderMatch } from "../../table/header-match.ts";
import { TapRequestSchema } from "../../xds/gen/envoy/admin/v3/tap_pb.ts";
import type { MatchPredicate as CommonPredicate } from "../../xds/gen/envoy/config/common/matcher/v3/matcher_pb.ts";
import {
  type HttpHeadersMatch,
  type MatchPredicate,
  type OutputConfig,
  OutputSink_Format,
} from "../../xds/gen/envoy/config/tap/v3/common_pb.ts";
import { configRegistry } from "./config-registry.ts";
import { type HeaderPart, STATUS_FIELD, type TapPredicate } from "./tap-predicate.ts";

export interface TapOrder {
  readonly predicate: TapPredicate;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly bodyAsString: boolean;
  readonly maxCount: number;
  readonly durationMs: number;
  /** Names of fields redacted beside the rules' own. */
  readonly redacted: ReadonlySet<string>;
}

export type TapOrderResult =
  | { readonly kind: "order"; readonly order: TapOrder }
  | { readonly kind: "refused"; readonly reason: string };

/** Envoy's default (max_buffered_rx_bytes). */
const DEFAULT_BODY_BYTES = 1_024;
const MAX_BODY_BYTES = 64 * 1_024;
const MAX_COUNT = 100_000;
const DEFAULT_DURATION_MS = 600_000;
const MAX_DURATION_MS = 3_600_000;

function refused(reason: string): TapOrderResult {
  return { kind: "refused", reason };
}

// ── POST ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const PARTS: Readonly<Record<string, HeaderPart>> = {
  httpRequestHeadersMatch: "requestHeaders",
  httpRequestTrailersMatch: "requestTrailers",
  httpResponseHeadersMatch: "responseHeaders",
  httpResponseTrailersMatch: "responseTrailers",
};

function acceptHeaders(scope: Scope, part: HeaderPart, { headers }: Pick<HttpHeadersMatch, "headers">): TapPredicate {
  const matches = headers.map((header, i): HeaderMatch => {
    const match = acceptHeaderMatch(scope.field("headers").index(i), header);
    return match.name === ":status" ? { ...match, name: STATUS_FIELD } : match;
  });
  return { kind: "headers", part, matches };
}

function acceptPredicate(scope: Scope, { rule }: MatchPredicate | CommonPredicate): TapPredicate {
  switch (rule.case) {
    case "anyMatch":
      return { kind: "any" };
    case "andMatch":
    case "orMatch": {
      const at = scope.field(rule.case === "andMatch" ? "and_match" : "or_match").field("rules");
      const of = rule.value.rules.map((one, i) => acceptPredicate(at.index(i), one));
      return { kind: rule.case === "andMatch" ? "all-of" : "one-of", of };
    }
    case "notMatch":
      return { kind: "not", of: acceptPredicate(scope.field("not_match"), rule.value) };
    case "httpRequestHeadersMatch":
    case "httpRequestTrailersMatch":
    case "httpResponseHeadersMatch":
    case "httpResponseTrailersMatch":
      return acceptHeaders(scope.field(rule.case), PARTS[rule.case]!, rule.value);
    default:
      scope.reject(rule.case === undefined ? "no rule" : `${rule.case} is not supported by Heddle's proxy`);
      return { kind: "any" };
  }
}

function acceptOutput(scope: Scope, output: OutputConfig): Omit<TapOrder, "predicate" | "redacted"> {
  if (output.streaming)
    scope.field("streaming").reject("not supported by Heddle's proxy: traces are told when they end");
  const [sink] = output.sinks;
  const at = scope.field("sinks").index(0);
  if (output.sinks.length !== 1) scope.field("sinks").reject("exactly one sink is expected");
  const { format } = sink ?? { format: OutputSink_Format.JSON_BODY_AS_BYTES };
  if (format !== OutputSink_Format.JSON_BODY_AS_BYTES && format !== OutputSink_Format.JSON_BODY_AS_STRING)
    at.field("format").reject("only JSON_BODY_AS_BYTES and JSON_BODY_AS_STRING are supported by Heddle's proxy");
  const by = sink?.outputSinkType;
  if (by && by.case !== "streamingAdmin" && by.case !== "bufferedAdmin")
    at.reject(`${by.case ?? "an empty sink"} is not supported by Heddle's proxy`);
  const buffered = by?.case === "bufferedAdmin" ? by.value : undefined;
  const timeoutMs = buffered?.timeout ? Number(buffered.timeout.seconds) * 1_000 + buffered.timeout.nanos / 1e6 : 0;
  return {
    requestBytes: Math.min(output.maxBufferedRxBytes ?? DEFAULT_BODY_BYTES, MAX_BODY_BYTES),
    responseBytes: Math.min(output.maxBufferedTxBytes ?? DEFAULT_BODY_BYTES, MAX_BODY_BYTES),
    bodyAsString: format === OutputSink_Format.JSON_BODY_AS_STRING,
    maxCount: Math.min(buffered ? Number(buffered.maxTraces) : MAX_COUNT, MAX_COUNT),
    durationMs: Math.min(timeoutMs || MAX_DURATION_MS, MAX_DURATION_MS),
  };
}

/** `document`: a TapRequest as YAML or JSON was read. */
export function orderOfRequest(document: unknown): TapOrderResult {
  let request: ReturnType<typeof fromJson<typeof TapRequestSchema>>;
  try {
    request = fromJson(TapRequestSchema, document as never, { registry: configRegistry });
  } catch (thrown) {
    return refused(`not an envoy.admin.v3.TapRequest: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  const { tapConfig } = request;
  if (request.configId === "") return refused("config_id: empty");
  if (!tapConfig?.outputConfig) return refused("tap_config.output_config: missing");
  const scope = Scope.root();
  const at = scope.field("tap_config");
  at.only(tapConfig, ["match", "matchConfig", "outputConfig"]);
  const match = tapConfig.match ?? tapConfig.matchConfig;
  const predicate = match && acceptPredicate(at.field(tapConfig.match ? "match" : "match_config"), match);
  if (!predicate) at.field("match").reject("missing");
  const output = acceptOutput(at.field("output_config"), tapConfig.outputConfig);
  const [rejection] = scope.rejections;
  if (rejection) return refused(`${rejection.path}: ${rejection.reason}`);
  return { kind: "order", order: { predicate: predicate ?? { kind: "any" }, redacted: new Set(), ...output } };
}

// ── GET ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function fieldMatch(name: string, test: HeaderMatch["test"]): TapPredicate {
  const match: HeaderMatch = { name: name.toLowerCase(), test, invert: false, missingAsEmpty: false };
  return { kind: "headers", part: "requestHeaders", matches: [match] };
}

function text(kind: "exact" | "prefix", value: string): HeaderMatch["test"] {
  return { kind: "string", match: { kind, text: value, ignoreCase: false } };
}

function headerPredicate(written: string): TapPredicate {
  const colon = written.indexOf(":", 1);
  if (colon === -1) return fieldMatch(written, { kind: "present" });
  return fieldMatch(written.slice(0, colon), text("exact", written.slice(colon + 1).trim()));
}

/** `503`, `5xx`, `400-499`. */
function statusPredicate(written: string): TapPredicate | undefined {
  const [, hundreds, from, to] = /^(?:([1-5])xx|(\d{3})(?:-(\d{3}))?)$/.exec(written) ?? [];
  if (hundreds !== undefined) return { kind: "status", from: Number(hundreds) * 100, to: Number(hundreds) * 100 + 99 };
  return from === undefined ? undefined : { kind: "status", from: Number(from), to: Number(to ?? from) };
}

/** A whole number within bounds; undefined for anything else. */
function bounded(query: URLSearchParams, name: string, otherwise: number, max: number): number | undefined {
  const written = query.get(name);
  if (written === null) return otherwise;
  return /^\d{1,9}$/.test(written) ? Math.min(Number(written), max) : undefined;
}

const PARAMETERS: ReadonlySet<string> = new Set([
  "path",
  "method",
  "authority",
  "header",
  "status",
  "source",
  "body",
  "count",
  "duration",
  "redact",
]);

export function orderOfQuery(query: URLSearchParams): TapOrderResult {
  for (const name of query.keys())
    if (!PARAMETERS.has(name)) return refused(`unknown parameter ${JSON.stringify(name)}`);
  const of: TapPredicate[] = query.getAll("header").map(headerPredicate);
  const path = query.get("path");
  const method = query.get("method");
  const authority = query.get("authority");
  const source = query.get("source");
  const status = query.get("status");
  if (path !== null) of.push(fieldMatch(":path", text("prefix", path)));
  if (method !== null) of.push(fieldMatch(":method", text("exact", method)));
  if (authority !== null) of.push(fieldMatch(":authority", text("exact", authority)));
  if (source !== null) of.push({ kind: "source", source });
  const statuses = status === null ? undefined : statusPredicate(status);
  if (status !== null && !statuses) return refused("status is not one such as 503, 5xx or 400-499");
  if (statuses) of.push(statuses);
  const body = bounded(query, "body", 0, MAX_BODY_BYTES);
  const maxCount = bounded(query, "count", MAX_COUNT, MAX_COUNT);
  const seconds = bounded(query, "duration", DEFAULT_DURATION_MS / 1_000, MAX_DURATION_MS / 1_000);
  if (body === undefined || maxCount === undefined || seconds === undefined)
    return refused("body, count and duration are whole numbers");
  const redacted = new Set(query.getAll("redact").map((name) => name.toLowerCase()));
  const limits = { requestBytes: body, responseBytes: body, maxCount, durationMs: seconds * 1_000 };
  return { kind: "order", order: { predicate: { kind: "all-of", of }, bodyAsString: true, redacted, ...limits } };
}
