// HTTP responses of the API: JSON or YAML, warnings in their header, failures as Status.

import { stringify } from "yaml";
import { Failure } from "../../base/failure.ts";
import { logger } from "../../base/log.ts";
import type { JsonObject } from "../json.ts";
import { internalError, type Status, StatusFailure } from "../status.ts";

const log = logger("kube");

/** Warnings beyond these are dropped, for clients bound the size of a response's head. */
const MAX_WARNINGS = 20;
const MAX_WARNING_LENGTH = 500;

/** RFC 7234 section 5.5, code 299 without an agent, as Kubernetes writes them. Bytes above ASCII travel as UTF-8. */
function warningHeader(warning: string): string {
  const cut = warning.length > MAX_WARNING_LENGTH ? `${warning.slice(0, MAX_WARNING_LENGTH)}…` : warning;
  const plain = cut.replaceAll(/\p{Cc}+/gu, " ").replaceAll(/["\\]/g, "\\$&");
  return `299 - "${Buffer.from(plain, "utf8").toString("latin1")}"`;
}

export interface ReplyOptions {
  readonly status?: number;
  readonly encoding?: "json" | "yaml";
  readonly contentType?: string;
  readonly warnings?: readonly string[];
}

/** A response with a body; duplicates among the warnings are sent once. */
export function reply(body: JsonObject, options: ReplyOptions = {}): Response {
  const { status = 200, encoding = "json", warnings = [] } = options;
  const headers = new Headers({
    "content-type": options.contentType ?? `application/${encoding}`,
    "cache-control": "no-cache, private",
  });
  for (const warning of new Set(warnings.slice(0, MAX_WARNINGS))) headers.append("warning", warningHeader(warning));
  const text = encoding === "yaml" ? stringify(body, { aliasDuplicateObjects: false }) : `${JSON.stringify(body)}\n`;
  return new Response(text, { status, headers });
}

/** A Status as the whole answer, with its code and its Retry-After. */
function statusReply(status: Status): Response {
  const response = reply(status as unknown as JsonObject, { status: status.code });
  const seconds = status.details?.retryAfterSeconds;
  if (seconds !== undefined) response.headers.set("retry-after", String(seconds));
  return response;
}

/** The response to anything thrown by a handler. */
export function failureReply(thrown: unknown): Response {
  if (thrown instanceof StatusFailure) return statusReply(thrown.status);
  const { message, hint } = Failure.from(thrown);
  log.error("a request failed", {
    error: message,
    stack: thrown instanceof Failure ? undefined : (thrown as Error)?.stack,
  });
  return statusReply(internalError(hint === undefined ? message : `${message}: ${hint}`).status);
}
