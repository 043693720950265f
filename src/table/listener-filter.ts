// What is learnt of a connection before its filter chain is chosen: the PROXY protocol's header, TLS and HTTP by their first bytes.

/** Envoy's ListenerFilterChainMatchPredicate. */
export type PortPredicate =
  | { readonly kind: "any" }
  | { readonly kind: "and" | "or"; readonly rules: readonly PortPredicate[] }
  | { readonly kind: "not"; readonly rule: PortPredicate }
  /** Half-open. */
  | { readonly kind: "destination-port"; readonly from: number; readonly to: number };

export function matchesPort(predicate: PortPredicate, port: number): boolean {
  switch (predicate.kind) {
    case "any":
      return true;
    case "and":
      return predicate.rules.every((rule) => matchesPort(rule, port));
    case "or":
      return predicate.rules.some((rule) => matchesPort(rule, port));
    case "not":
      return !matchesPort(predicate.rule, port);
    case "destination-port":
      return port >= predicate.from && port < predicate.to;
  }
}

/** A filter that looks at first bytes. `disabled`: connections that it leaves alone (`filter_disabled`). */
export interface Inspector {
  readonly disabled: PortPredicate | undefined;
}

export interface ProxyProtocolFilter extends Inspector {
  /** A connection that does not begin with a header is served as it is, instead of being closed. */
  readonly optional: boolean;
  readonly versions: { readonly v1: boolean; readonly v2: boolean };
}

/** The filters in the order in which they run. */
export interface Inspection {
  readonly proxyProtocol: ProxyProtocolFilter | undefined;
  readonly tls: Inspector | undefined;
  readonly http: Inspector | undefined;
  /** 0 is none. */
  readonly timeoutMs: number;
  /** After the time-out the connection goes on with what is known, instead of being closed. */
  readonly continueOnTimeout: boolean;
}
