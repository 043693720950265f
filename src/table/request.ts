// What a decision may look at. Plain facts, so that the same functions decide for a live request, a simulated one and a log.

/** A request's head as the HTTP codecs give it (http/stream.ts RequestHead fits): names in lower case, name and value in turns. */
export interface RequestFacts {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  /** With the query. */
  readonly path: string;
  readonly headers: readonly string[];
}

/** What is known of the connection that a request or byte stream came on. */
export interface ConnectionFacts {
  /** `10.1.2.3`; the direct peer, or whom its PROXY header names. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly directRemoteAddress: string;
  readonly localAddress: string;
  readonly localPort: number;
  /** SNI of the TLS handshake, "" without one. */
  readonly serverName: string;
  /** The peer's proven identity, `spiffe://…`; "" when it proved none. */
  readonly principal: string;
  /** More of the certificate that it proved it with. */
  readonly peer?: { readonly subject: string | undefined; readonly dnsNames: readonly string[] } | undefined;
  /** Address and port of the two ends as logs show them. */
  readonly remoteLabel: string;
  readonly localLabel: string;
}

/** All values of a header joined with "," (envoy HeaderUtility::getAllOfHeaderAsString), pseudo-headers included; undefined when absent. */
export function headerValue(request: RequestFacts, name: string): string | undefined {
  if (name.charCodeAt(0) === 58 /* : */) {
    switch (name) {
      case ":method":
        return request.method;
      case ":path":
        return request.path === "" ? undefined : request.path;
      case ":authority":
        return request.authority;
      case ":scheme":
        return request.scheme;
      default:
        return undefined;
    }
  }
  if (name === "host") return request.authority;
  const { headers } = request;
  let value: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) value = value === undefined ? headers[i + 1]! : `${value},${headers[i + 1]!}`;
  }
  return value;
}

/** The first value of a field of a header list: name, value, name, value, … */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

/** The path without query and fragment. */
export function pathWithoutQuery(path: string): string {
  const query = path.indexOf("?");
  return query === -1 ? path : path.slice(0, query);
}
