// Spans in Zipkin's API v2 (JSON).

import { wallMs } from "../clock.ts";
import type { Span } from "./span.ts";
import type { Teller } from "./span-tags.ts";

const US_PER_MS = 1_000;

/** Zipkin takes no span of 0 µs for a finished one. */
function microseconds({ startedAt, endedAt }: Span): number {
  return Math.max(1, Math.round((endedAt - startedAt) * US_PER_MS));
}

function zipkinSpan(span: Span, localEndpoint: object): object {
  return {
    traceId: span.traceId,
    ...(span.parentId === "" ? {} : { parentId: span.parentId }),
    id: span.id,
    kind: span.kind === "server" ? "SERVER" : "CLIENT",
    name: span.name,
    timestamp: Math.round(wallMs(span.startedAt) * US_PER_MS),
    duration: microseconds(span),
    localEndpoint,
    tags: Object.fromEntries(span.tags),
    ...(span.shared ? { shared: true } : {}),
  };
}

export function encodeZipkin(spans: readonly Span[], { serviceName }: Teller): Uint8Array {
  const endpoint = { serviceName };
  return Buffer.from(JSON.stringify(spans.map((span) => zipkinSpan(span, endpoint))));
}
