// What the connection manager does to a request's headers before the first filter sees them (Envoy: ConnectionManagerUtility::mutateRequestHeaders).

import { getHeader, type HeaderList, joinHeader, removeHeader, setHeader } from "../http/headers.ts";
import type { RequestHead } from "../http/stream.ts";
import type { HttpTable } from "../table/http.ts";
import type { ConnectionFacts } from "../table/request.ts";
import { normalizePath } from "./path.ts";

/** Headers that only a proxy of the mesh may set; from the edge they are a lie (Envoy removes them where use_remote_address is set). */
const INTERNAL_ONLY = [
  "x-envoy-internal",
  "x-envoy-retry-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-original-path",
];

function setForwardedCertificate(headers: HeaderList, { clientCertificate }: HttpTable, own: string): void {
  const mutual = own !== "";
  switch (clientCertificate) {
    case "always-forward-only":
      return;
    case "forward-only":
      if (!mutual) removeHeader(headers, "x-forwarded-client-cert");
      return;
    case "sanitize":
      removeHeader(headers, "x-forwarded-client-cert");
      return;
    case "sanitize-set":
      removeHeader(headers, "x-forwarded-client-cert");
      if (mutual) headers.push("x-forwarded-client-cert", own);
      return;
    case "append-forward": {
      // What came in the clear was not proven by anybody.
      const before = mutual ? joinHeader(headers, "x-forwarded-client-cert") : undefined;
      removeHeader(headers, "x-forwarded-client-cert");
      if (!mutual) return;
      headers.push("x-forwarded-client-cert", before === undefined ? own : `${before},${own}`);
    }
  }
}

/**
 * `certificate`: what the peer proved, in the words of x-forwarded-client-cert; "" when it proved nothing.
 * @returns false when the path is one that no two parties would read alike: the request is answered 400.
 */
export function prepareRequest(
  head: RequestHead,
  http: HttpTable,
  facts: ConnectionFacts,
  certificate: string,
): boolean {
  const { headers } = head;
  if (http.useRemoteAddress) {
    for (const name of INTERNAL_ONLY) removeHeader(headers, name);
    const before = joinHeader(headers, "x-forwarded-for");
    setHeader(
      headers,
      "x-forwarded-for",
      before === undefined ? facts.remoteAddress : `${before},${facts.remoteAddress}`,
    );
  }
  if (getHeader(headers, "x-forwarded-proto") === undefined) headers.push("x-forwarded-proto", head.scheme);
  if (http.generateRequestId && getHeader(headers, "x-request-id") === undefined)
    headers.push("x-request-id", crypto.randomUUID());
  if (http.clientCertificate !== "sanitize" || getHeader(headers, "x-forwarded-client-cert") !== undefined)
    setForwardedCertificate(headers, http, certificate);
  if (!http.normalizePath || head.path.charCodeAt(0) !== 47 /* / */) return true;
  const path = normalizePath(head.path, http.mergeSlashes);
  if (path === undefined) return false;
  head.path = path;
  return true;
}
