// Conditions on requests and connections. Fields of one match are joined by AND, matches of a rule by OR.

/** Regular expressions are RE2 and must match the whole value. */
export type StringMatch =
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "prefix"; readonly value: string }
  | { readonly kind: "regex"; readonly value: string };

/** The path without its query. `segments`: a prefix that ends at a `/`, so that `/foo` does not match `/foobar` (Gateway API). */
export type PathMatch =
  | { readonly kind: "exact"; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: "prefix"; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: "segments"; readonly value: string }
  | { readonly kind: "regex"; readonly value: string };

export type ValueMatch = StringMatch | { readonly kind: "present" };

export interface HeaderMatch {
  /** Lower case. */
  readonly name: string;
  readonly value: ValueMatch;
  readonly invert: boolean;
  /** A missing header counts as one with the empty value (Envoy's treat_missing_header_as_empty). */
  readonly missingIsEmpty: boolean;
}

/** What a verified token claims: a string, or one of a list of strings. */
export interface ClaimMatch {
  /** At least one key: from the token's payload inwards. */
  readonly path: readonly string[];
  readonly value: ValueMatch;
  readonly invert: boolean;
}

export interface QueryMatch {
  readonly name: string;
  readonly value: ValueMatch;
}

/** Which clients a match is for. Decided when a client's configuration is compiled, never on the request. */
export interface ClientSelector {
  readonly namespace?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface HttpMatch {
  /** Joined to the rule's name by a dot in access logs. */
  readonly name?: string | undefined;
  /** Of the statistics that Envoy keeps of the match; undefined: none. */
  readonly statPrefix?: string | undefined;
  readonly path?: PathMatch | undefined;
  readonly method?: StringMatch | undefined;
  readonly scheme?: StringMatch | undefined;
  readonly authority?: StringMatch | undefined;
  readonly headers: readonly HeaderMatch[];
  readonly query: readonly QueryMatch[];
  /** At gateways alone; undefined: tokens are not looked at. */
  readonly claims?: readonly ClaimMatch[] | undefined;
  /** Undefined: every client. */
  readonly client?: ClientSelector | undefined;
  /** Service port that the client called; undefined: any. */
  readonly port?: number | undefined;
}

export interface TlsMatch {
  /** Server names, exact or `*.example.com`; at least one. */
  readonly sniHosts: readonly string[];
  /** CIDR ranges of the original destination; empty: any. */
  readonly destinations: readonly string[];
  readonly client?: ClientSelector | undefined;
  readonly port?: number | undefined;
}

export interface TcpMatch {
  readonly destinations: readonly string[];
  readonly client?: ClientSelector | undefined;
  readonly port?: number | undefined;
}
