// What the connection manager does to a request's headers before the first filter sees them (Envoy: ConnectionManagerUtility::mutateRequestHeaders).

import { containsAddress } from "../base/cidr.ts";
import { isGrpcContent } from "../grpc/content.ts";
import { getHeader, type HeaderList, joinHeader, removeHeader, setHeader } from "../http/headers.ts";
import type { RequestHead } from "../http/stream.ts";
import type { HttpTable } from "../table/http.ts";
import { normalizePath, unescapeSlashes } from "../table/path.ts";
import type { ConnectionFacts } from "../table/request.ts";

/** Headers by which a caller would command the proxy; Envoy takes them from internal addresses alone, of which there are none by default. */
const COMMANDS: ReadonlySet<string> = new Set([
  "x-envoy-internal",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
]);

/** And what only another proxy can know: at the edge (use_remote_address) it is a lie. */
const EDGE_CLAIMS: ReadonlySet<string> = new Set([
  ...COMMANDS,
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-external-address",
  "x-envoy-original-host",
  "x-envoy-original-path",
]);

/** One pass, and one look at most fields: this is on the way of every request. */
function removeClaims(headers: HeaderList, claims: ReadonlySet<string>): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i]!;
    if (name.charCodeAt(0) === 0x78 /* x */ && name.startsWith("x-envoy-") && claims.has(name)) headers.splice(i, 2);
  }
}

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

/** Why a request is answered before anything is looked up for it; `details` are Envoy's. */
export interface RequestRefusal {
  readonly status: number;
  readonly details: string;
  readonly headers: HeaderList;
}

const BAD_PATH: RequestRefusal = { status: 400, details: "path_normalization_failed", headers: [] };
/** RFC 9110 10.1.1: what is expected beside `100-continue` nobody here can promise. */
const EXPECTATION: RequestRefusal = { status: 417, details: "expectation_failed", headers: [] };

/**
 * Envoy's internal request: what vouches for the client is one address alone, of the connection at the edge, of x-forwarded-for behind it,
 * and that is one of those configured.
 */
function isInternal(http: HttpTable, facts: ConnectionFacts, forwardedFor: string | undefined): boolean {
  const { internalAddresses } = http;
  if (internalAddresses.length === 0) return false;
  const atEdge = http.useRemoteAddress;
  if (atEdge !== (forwardedFor === undefined)) return false;
  const address = forwardedFor ?? facts.remoteAddress;
  return internalAddresses.some((range) => containsAddress(range, address));
}

function setOrigin(head: RequestHead, http: HttpTable, facts: ConnectionFacts): void {
  const { headers } = head;
  const asks = http.useRemoteAddress || http.internalAddresses.length > 0;
  const before = asks ? joinHeader(headers, "x-forwarded-for") : undefined;
  const internal = isInternal(http, facts, before);
  const edge = http.useRemoteAddress && !internal;
  if (!internal) removeClaims(headers, edge ? EDGE_CLAIMS : COMMANDS);
  else setHeader(headers, "x-envoy-internal", "true");
  if (http.useRemoteAddress) {
    const forwarded = before === undefined ? facts.remoteAddress : `${before},${facts.remoteAddress}`;
    setHeader(headers, "x-forwarded-for", forwarded);
    setHeader(headers, "x-forwarded-proto", head.scheme);
    if (edge) headers.push("x-envoy-external-address", facts.remoteAddress);
    if (edge && http.generateRequestId && !http.preserveExternalRequestId) removeHeader(headers, "x-request-id");
  } else if (getHeader(headers, "x-forwarded-proto") === undefined) headers.push("x-forwarded-proto", head.scheme);
  if (http.generateRequestId && getHeader(headers, "x-request-id") === undefined)
    headers.push("x-request-id", crypto.randomUUID());
}

/** Gives the head the path that everything behind decides by. */
function settlePath(head: RequestHead, http: HttpTable): RequestRefusal | undefined {
  const { escapedSlashes } = http;
  let path: string | undefined = head.path;
  let unescaped = false;
  if (escapedSlashes !== "keep" && path.includes("%")) {
    path = unescapeSlashes(path);
    unescaped = path !== head.path;
    if (unescaped && escapedSlashes === "reject") return BAD_PATH;
  }
  if (http.normalizePath) path = normalizePath(path, http.mergeSlashes);
  if (path === undefined) return BAD_PATH;
  head.path = path;
  if (!unescaped || escapedSlashes !== "redirect") return undefined;
  // A gRPC client follows no redirect.
  if (isGrpcContent(getHeader(head.headers, "content-type"))) return BAD_PATH;
  // "//host/" in a Location would lead to another host.
  return { ...BAD_PATH, status: 307, headers: ["location", path.replace(/^\/{2,}/, "/")] };
}

/**
 * `certificate`: what the peer proved, in the words of x-forwarded-client-cert; "" when it proved nothing.
 * @returns why the request is answered at once, or undefined.
 */
export function prepareRequest(
  head: RequestHead,
  http: HttpTable,
  facts: ConnectionFacts,
  certificate: string,
): RequestRefusal | undefined {
  const { headers } = head;
  const expectation = getHeader(headers, "expect");
  if (expectation !== undefined && expectation.toLowerCase() !== "100-continue") return EXPECTATION;
  setOrigin(head, http, facts);
  if (http.clientCertificate !== "sanitize" || getHeader(headers, "x-forwarded-client-cert") !== undefined)
    setForwardedCertificate(headers, http, certificate);
  return head.path.charCodeAt(0) === 47 /* / */ ? settlePath(head, http) : undefined;
}
