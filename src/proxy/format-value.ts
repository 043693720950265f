// Values of Envoy's command operators for one exchange.

import { getHeader, type HeaderList } from "../http/headers.ts";
import type { Format, FormatPart, PlainOperator } from "../table/format.ts";
import { headerValue, type RequestFacts } from "../table/request.ts";

/** What the operators read. */
export interface FormatSource {
  readonly request: RequestFacts | undefined;
  readonly responseHeaders: HeaderList | undefined;
  readonly trailers: HeaderList | undefined;
  operator(name: PlainOperator): string;
}

/** An absent value is `-`, as in Envoy's logs. */
const ABSENT = "-";

function headerPart(part: FormatPart & { kind: "header" }, source: FormatSource): string {
  let value: string | undefined;
  for (let i = 0; i < part.names.length && value === undefined; i++) {
    const name = part.names[i]!;
    if (part.of === "request") value = source.request && headerValue(source.request, name);
    else {
      const headers = part.of === "response" ? source.responseHeaders : source.trailers;
      value = headers && getHeader(headers, name);
    }
  }
  if (value === undefined || value === "") return ABSENT;
  return part.maxLength > 0 ? value.slice(0, part.maxLength) : value;
}

/** What one part of a format says, never undefined. */
export function partValue(part: FormatPart, source: FormatSource): string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "operator":
      return source.operator(part.name);
    case "header":
      return headerPart(part, source);
  }
}

export function formatValue(format: Format, source: FormatSource): string {
  let text = "";
  for (let i = 0; i < format.length; i++) text += partValue(format[i]!, source);
  return text;
}
