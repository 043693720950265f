// Which exposition format a scraper wants, from its Accept header.

import type { ExpositionFormat } from "./exposition.ts";

/** Prometheus sends five ranges; what is longer than this is no scraper and gets plain text. */
const MAX_ACCEPT_LENGTH = 1_024;

function quality(parameters: readonly string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith("q="));
  if (q === undefined) return 1;
  const value = Number(q.slice(2));
  return value >= 0 && value <= 1 ? value : 0;
}

/** OpenMetrics when it is accepted at least as gladly as plain text, else the older format, which every scraper reads. */
export function negotiateFormat(accept: string | null | undefined): ExpositionFormat {
  if (!accept || accept.length > MAX_ACCEPT_LENGTH) return "text";
  let openmetrics = 0;
  let text = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim());
    const version = parameters.find((parameter) => parameter.startsWith("version="))?.slice("version=".length);
    if (
      type === "application/openmetrics-text" &&
      (version === undefined || version === "1.0.0" || version === "0.0.1")
    ) {
      openmetrics = Math.max(openmetrics, quality(parameters));
    } else if (type === "text/plain" || type === "text/*" || type === "*/*") {
      text = Math.max(text, quality(parameters));
    }
  }
  return openmetrics > 0 && openmetrics >= text ? "openmetrics" : "text";
}

/** The format that a scraped answer is in, from its Content-Type. */
export function formatOfContentType(contentType: string | null | undefined): ExpositionFormat {
  return contentType?.toLowerCase().startsWith("application/openmetrics-text") ? "openmetrics" : "text";
}
