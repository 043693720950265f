// What the connection manager does to a response's headers (Envoy: ConnectionManagerUtility::mutateResponseHeaders).

import { getHeader, setHeader } from "../http/headers.ts";
import type { RequestHead, ResponseHead } from "../http/stream.ts";
import { httpDate } from "./clock.ts";
import type { Downstream } from "./downstream.ts";

export function prepareResponse(head: ResponseHead, request: RequestHead, connection: Downstream): void {
  const { headers } = head;
  const { serverHeader, answersRequestId } = connection.http.table;
  if (serverHeader.kind === "overwrite") setHeader(headers, "server", serverHeader.value);
  else if (serverHeader.kind === "if-absent" && getHeader(headers, "server") === undefined)
    headers.push("server", serverHeader.value);
  const id = answersRequestId ? getHeader(request.headers, "x-request-id") : undefined;
  if (id !== undefined) setHeader(headers, "x-request-id", id);
  if (getHeader(headers, "date") === undefined) headers.push("date", httpDate());
}
