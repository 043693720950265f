// The answer to "where would this request go, and why": plain data that printers write and tests compare.

/** What becomes of the request: an application gets it, the proxy sends the client elsewhere, answers by configuration, or refuses. */
export type Outcome = "forward" | "redirect" | "direct" | "reject";

export type Stage =
  | "configuration"
  | "scope"
  | "capture"
  | "listener"
  | "virtual host"
  | "route"
  | "faults"
  | "retries and timeouts"
  | "weights and subsets"
  | "endpoints"
  | "client TLS"
  | "server filter chain"
  | "authentication"
  | "authorization";

/** What somebody wrote. File and line are undefined for what came from no file. */
export interface Place {
  /** `VirtualService default/golden-signal`. */
  readonly object: string;
  /** In the object: `spec.http[0]`; "" for all of it. */
  readonly path: string;
  readonly file: string | undefined;
  readonly line: number | undefined;
}

export interface Step {
  readonly stage: Stage;
  readonly decision: string;
  /** Undefined: a default of the mesh, or the request itself. */
  readonly by: Place | undefined;
  /** What would have decided otherwise, without `by`; undefined: nothing. */
  readonly second: { readonly decision: string; readonly by: Place | undefined } | undefined;
}

/** The last two are what a running proxy found out by itself. */
export type EndpointHealth = "healthy" | "degraded" | "draining" | "unhealthy" | "ejected" | "failing-checks";

export interface EndpointFacts {
  readonly address: string;
  /** `<namespace>/<name>`; undefined when the mesh knows only the address. */
  readonly workload: string | undefined;
  readonly health: EndpointHealth;
  /** Among the endpoints of its locality. */
  readonly weight: number;
  /** It is used as those before it fail; absent: it is one of the first. */
  readonly priority?: number;
}

export interface ClusterFacts {
  readonly name: string;
  /** In per cent of the requests. */
  readonly weight: number;
  readonly endpoints: readonly EndpointFacts[];
  /** Why its share is answered 503: NC, there is no such cluster; UH, it has no endpoint. */
  readonly flag: "NC" | "UH" | undefined;
}

/** `mesh`: mutual TLS between sidecars. `mutual` and `simple`: to a server outside, with and without a certificate of the client. */
export interface TlsFacts {
  readonly mode: "mesh" | "mutual" | "simple" | "none";
  readonly sni: string;
  /** Names of which the server must have one; none: any that its roots vouch for. */
  readonly sans: readonly string[];
}

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Name, value. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface AuthorizationFacts {
  readonly decision: "allow" | "deny";
  /** `<namespace>/<name>` of the policy whose rule matched; undefined: none did. */
  readonly policy: string | undefined;
  /** Its place among the policy's rules, from 0. */
  readonly rule: number | undefined;
}

export interface Explanation {
  readonly outcome: Outcome;
  /** Undefined where the application answers, and where a connection ends without one. */
  readonly status: number | undefined;
  /** Envoy's response flags, as access logs have them. */
  readonly flags: readonly string[];
  /** Of a redirect. */
  readonly location: string | undefined;
  readonly listener: string | undefined;
  readonly virtualHost: string | undefined;
  readonly route: string | undefined;
  readonly clusters: readonly ClusterFacts[];
  readonly tls: TlsFacts | undefined;
  readonly upstreamRequest: UpstreamRequest | undefined;
  /** Undefined: no proxy before the application was asked, and no gateway. */
  readonly authz: AuthorizationFacts | undefined;
  readonly steps: readonly Step[];
}
