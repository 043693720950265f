// What the connection manager does to a request's headers before the first filter sees them (Envoy: ConnectionManagerUtility::mutateRequestHeaders).

import { isGrpcContent } from "../grpc/content.ts";
import { getHeader, type HeaderList, joinHeader, removeHeader, setHeader } from "../http/headers.ts";
import type { RequestHead } from "../http/stream.ts";
import { strippedAuthority } from "../table/authority.ts";
import type { DetectedClient } from "../table/client-address.ts";
import type { HttpTable } from "../table/http.ts";
import { normalizePath, unescapeSlashes } from "../table/path.ts";
import type { ConnectionFacts } from "../table/request.ts";
import { isInternal, removeClaims } from "../table/request-origin.ts";

/** `mutual`: the client proved who it is. One that showed a certificate and proved nothing is told of, and not believed. */
function setForwardedCertificate(
  headers: HeaderList,
  { clientCertificate }: HttpTable,
  own: string,
  mutual: boolean,
): void {
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
      if (own !== "") headers.push("x-forwarded-client-cert", own);
      return;
    case "append-forward": {
      // What came in the clear was not proven by anybody.
      const before = mutual ? joinHeader(headers, "x-forwarded-client-cert") : undefined;
      removeHeader(headers, "x-forwarded-client-cert");
      if (own === "") return;
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
/** Envoy's for a request that no detection of its client's address finds one for. */
const UNKNOWN_CLIENT = "rejecting_because_detection_failed";
/** RFC 9110 10.1.1: what is expected beside `100-continue` nobody here can promise. */
const EXPECTATION: RequestRefusal = { status: 417, details: "expectation_failed", headers: [] };

/** Who came through a Unix socket has no address to tell (Envoy: Utility::appendXff). */
function appendPeer(headers: HeaderList, before: string | undefined, { remoteAddress }: ConnectionFacts): void {
  if (remoteAddress === "") return;
  setHeader(headers, "x-forwarded-for", before === undefined ? remoteAddress : `${before},${remoteAddress}`);
}

/** Of a target in origin-form only those say a scheme who stood before this proxy (Envoy: ConnectionManagerUtility::getScheme). */
function settleScheme(head: RequestHead, told: string): void {
  if (head.protocol !== "HTTP/2" && !head.isAbsolute && (told === "http" || told === "https")) head.scheme = told;
}

function setOrigin(
  head: RequestHead,
  http: HttpTable,
  facts: ConnectionFacts,
  client: DetectedClient | undefined,
): void {
  const { headers } = head;
  const { useRemoteAddress } = http;
  const appends = (useRemoteAddress || client?.appends === true) && !http.skipsForwardedFor;
  const before = useRemoteAddress || appends ? joinHeader(headers, "x-forwarded-for") : undefined;
  const address = client?.address ?? facts.remoteAddress;
  const internal = isInternal(http, facts, client, before);
  const edge = useRemoteAddress && !internal;
  if (!internal) removeClaims(headers, edge);
  else setHeader(headers, "x-envoy-internal", "true");
  if (appends) appendPeer(headers, before, facts);
  const overwrites = useRemoteAddress && http.trustedHops === 0;
  const scheme = overwrites ? undefined : joinHeader(headers, "x-forwarded-proto");
  if (scheme === undefined) setHeader(headers, "x-forwarded-proto", head.scheme);
  else settleScheme(head, scheme);
  // Of a trusted proxy's, what it says stands.
  if (
    http.appendsForwardedPort &&
    facts.localAddress !== "" &&
    (overwrites || getHeader(headers, "x-forwarded-port") === undefined)
  )
    setHeader(headers, "x-forwarded-port", String(facts.localPort));
  if (useRemoteAddress) {
    if (edge && address !== "") headers.push("x-envoy-external-address", address);
    if (edge && http.generateRequestId && !http.preserveExternalRequestId) removeHeader(headers, "x-request-id");
  }
  if (http.generateRequestId && getHeader(headers, "x-request-id") === undefined)
    headers.push("x-request-id", crypto.randomUUID());
}

/** A plain CONNECT's is where it wants to go, port and all. */
function settleAuthority(head: RequestHead, http: HttpTable, { localPort }: ConnectionFacts): void {
  if (head.method !== "CONNECT" || head.upgrade !== undefined)
    head.authority = strippedAuthority(head.authority, http, localPort);
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
 * `certificate`: what the peer showed, in the words of x-forwarded-client-cert; "" when it showed nothing. `client`: detectClient's.
 * @returns why the request is answered at once, or undefined.
 */
export function prepareRequest(
  head: RequestHead,
  http: HttpTable,
  facts: ConnectionFacts,
  certificate: string,
  client: DetectedClient | number | undefined,
): RequestRefusal | undefined {
  const { headers } = head;
  const expectation = getHeader(headers, "expect");
  if (expectation !== undefined && expectation.toLowerCase() !== "100-continue") return EXPECTATION;
  if (typeof client === "number") return { status: client, details: UNKNOWN_CLIENT, headers: [] };
  if (http.stripsDot || http.stripsPort !== "none") settleAuthority(head, http, facts);
  setOrigin(head, http, facts, client);
  if (http.clientCertificate !== "sanitize" || getHeader(headers, "x-forwarded-client-cert") !== undefined)
    setForwardedCertificate(headers, http, certificate, facts.peer !== undefined);
  return head.path.charCodeAt(0) === 47 /* / */ ? settlePath(head, http) : undefined;
}
