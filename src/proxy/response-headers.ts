// What the connection manager does to a response's headers (Envoy: ConnectionManagerUtility::mutateResponseHeaders).

import { getHeader, setHeader } from "../http/headers.ts";
import type { ResponseHead } from "../http/stream.ts";
import { httpDate } from "./clock.ts";
import type { Downstream } from "./downstream.ts";

export function prepareResponse(head: ResponseHead, connection: Downstream): void {
  const { headers } = head;
  const { serverHeader } = connection.http.table;
  if (serverHeader.kind === "overwrite") setHeader(headers, "server", serverHeader.value);
  else if (serverHeader.kind === "if-absent" && getHeader(headers, "server") === undefined)
    headers.push("server", serverHeader.value);
  if (getHeader(headers, "date") === undefined) headers.push("date", httpDate());
}
