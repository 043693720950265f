// The JSON of the admin API: the contract between the control plane and the dashboard (and anyone's script). Types only, importing
// nothing, so that the browser's side compiles without the server's. Times are ms since the epoch, rates per second, shares 0 to 1.

/** Golden signals over the state's window. */
export interface Signals {
  readonly requestRate: number;
  /** null without requests. */
  readonly successRate: number | null;
  readonly failureRate: number;
  readonly clientErrorRate: number;
  readonly latencyMs: Latency | null;
  /** Mean number of requests in flight. */
  readonly inFlight: number;
  readonly requestBytesRate: number;
  readonly responseBytesRate: number;
  readonly connectionRate: number;
  readonly sentBytesRate: number;
  readonly receivedBytesRate: number;
}

export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly mean: number;
}

export interface Mesh {
  readonly name: string;
  readonly trustDomain: string;
  /** Version of the control plane. */
  readonly version: string;
  /** Which control plane it is, among several: its machine's name. */
  readonly controlPlane: string;
  readonly startedAt: number;
  /** null until there is a root. */
  readonly rootExpiresAt: number | null;
  readonly proxies: { readonly total: number; readonly ready: number };
  readonly services: number;
  readonly requestRate: number;
  readonly successRate: number | null;
  /** Share of requests over mutual TLS, by the servers' word; null without one. */
  readonly mtlsShare: number | null;
  readonly findings: { readonly errors: number; readonly warnings: number };
  /** The store has no room for more edges: the figures leave some out. */
  readonly truncated: boolean;
}

export type NodeKind =
  /** A workload that sends or receives. */
  | "workload"
  /** A service that was called and no workload of it was reached. */
  | "service"
  /** A host outside the mesh, or that no service stands for. */
  | "external"
  /** A caller without a proxy. */
  | "unknown";

export interface TopologyNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly namespace: string;
  readonly name: string;
  readonly app: string;
  readonly version: string;
  /** Of what it received; null when it received nothing. */
  readonly signals: Signals | null;
  readonly proxies: { readonly total: number; readonly ready: number };
}

export interface Identities {
  readonly source: string;
  readonly destination: string;
  readonly policy: string;
  readonly share: number;
}

export interface Outcome {
  /** 0: no response. */
  readonly code: number;
  /** Empty for what is not gRPC. */
  readonly grpcStatus: string;
  /** Envoy's short response flags, `-` for none. */
  readonly flags: string;
  readonly rate: number;
}

export interface TopologyEdge {
  readonly id: string;
  /** Ids of nodes. */
  readonly from: string;
  readonly to: string;
  /** Host of the service that was called. */
  readonly service: string;
  readonly protocol: "http" | "grpc" | "tcp";
  readonly signals: Signals;
  /** null: no server reported. */
  readonly mtlsShare: number | null;
  readonly identities: readonly Identities[];
  readonly outcomes: readonly Outcome[];
}

export interface Topology {
  readonly nodes: readonly TopologyNode[];
  readonly edges: readonly TopologyEdge[];
}

/** Who called whom in the last hour. */
export interface Callers {
  readonly nodes: readonly Pick<TopologyNode, "id" | "kind" | "namespace" | "name" | "app" | "version">[];
  readonly edges: readonly Pick<TopologyEdge, "from" | "to" | "service" | "protocol">[];
  /** More was called than the control plane remembers, or tells. */
  readonly truncated: boolean;
}

export interface Saturation {
  /** CPU of the version's proxies together, in cores; null where they do not say. */
  readonly proxyCpuCores: number | null;
  readonly proxyMemoryBytes: number | null;
  readonly connections: number | null;
  /** The worst of them. */
  readonly eventLoopLagMs: number | null;
}

export interface Version {
  readonly namespace: string;
  readonly workload: string;
  readonly version: string;
  readonly signals: Signals;
  /** Share of the service's requests that came here. */
  readonly measuredShare: number;
  /** Share that the configuration gives it; null when no route splits the service. */
  readonly configuredShare: number | null;
  readonly saturation: Saturation;
}

export interface Service {
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  readonly signals: Signals;
  readonly versions: readonly Version[];
  /** The object that splits the service's traffic, as `VirtualService default/golden-signal`; null when none does. */
  readonly splitBy: string | null;
}

export type ProxyConfig =
  /** It acknowledged everything it was sent. */
  | { readonly state: "synced" }
  /** It has yet to acknowledge something. */
  | { readonly state: "pending"; readonly since: number }
  /** It refused the last configuration of a type and runs the one before. */
  | { readonly state: "rejected"; readonly since: number; readonly type: string; readonly message: string }
  | { readonly state: "disconnected"; readonly since: number };

/** What a proxy's discovery stream cost the control plane since it was opened. */
export interface ProxyCost {
  /** How often the proxy has connected since the control plane started. */
  readonly connections: number;
  /** Responses sent, and the resources, removals and bytes in them. */
  readonly pushes: number;
  readonly resources: number;
  readonly removals: number;
  readonly bytes: number;
  /** Of responses that it has not answered: at most one of each type. */
  readonly unansweredBytes: number;
  readonly acks: number;
  readonly nacks: number;
}

/**
 * How far a proxy is with one type of resource, in istioctl's words. `NOT SENT`: it asked, and there was nothing to send; `IGNORED`: it did
 * not ask.
 */
export type TypeState = "SYNCED" | "STALE" | "NOT SENT" | "ERROR" | "IGNORED";

export interface ProxyStatus {
  readonly id: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** What owns it. */
  readonly workload: string;
  readonly app: string;
  readonly version: string;
  readonly kind: "heddle" | "envoy";
  /** As the proxy told it last; "unknown" until it has. */
  readonly proxyVersion: string;
  readonly address: string;
  readonly config: ProxyConfig;
  /** By `cds`, `lds`, `eds`, `rds`, `vhds`, `sds` and `nds`; empty while it is not connected. */
  readonly types: Readonly<Record<string, TypeState>>;
  readonly certificate: { readonly spiffeId: string; readonly expiresAt: number } | null;
  readonly metrics: {
    readonly health: "new" | "up" | "down";
    readonly error: string | null;
    readonly lastSuccess: number | null;
  };
  readonly saturation: Saturation;
  /** Null while it is not connected. */
  readonly cost: ProxyCost | null;
}

/** A resource that a proxy is to have and has not said that it took: until then it runs what it had before. */
export interface UnacknowledgedResource {
  /** `cds`, `eds`, `sds`, `lds`, `rds`, `vhds`, `nds`. */
  readonly kind: string;
  readonly name: string;
  /** The proxy's words, where it refused it. */
  readonly refusal?: string;
}

/** `/api/v1/unacknowledged?proxy=ID`. */
export interface Acknowledgement {
  readonly connected: boolean;
  readonly resources: readonly UnacknowledgedResource[];
  /** How many are not listed. */
  readonly more: number;
}

/** `/api/v1/configuration?proxy=ID&kind=KIND`: what a proxy asked for, as it is to have it. */
export interface ProxyConfiguration {
  /** Of a proxy that is not connected nobody knows what it asks for. */
  readonly connected: boolean;
  /** `bytes`: the message in base64. */
  readonly resources: readonly { readonly name: string; readonly version: string; readonly bytes: string }[];
}

/** `/api/v1/conditions`: what is said of the objects that count, those of a watched folder among them. */
export interface ObjectConditions {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Of what was read of a file, which has no generation (cli/object-digest.ts); undefined: the API holds it. */
  readonly digest?: string | undefined;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

/** Everything the first page shows but the past; pushed every second as the event `state`. */
export interface State {
  readonly at: number;
  /** Length of the window that rates are over, in ms. */
  readonly windowMs: number;
  readonly mesh: Mesh;
  readonly topology: Topology;
  readonly services: readonly Service[];
  readonly proxies: readonly ProxyStatus[];
}

/** Columns of equal length; null where there is no value. */
export interface HistorySeries {
  /** Empty for the service as a whole. */
  readonly version: string;
  // null: nobody looked then, or there was no request to tell by.
  readonly requestRate: readonly (number | null)[];
  readonly failureRate: readonly (number | null)[];
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
  readonly inFlight: readonly (number | null)[];
}

export interface History {
  readonly service: string;
  readonly stepMs: number;
  readonly at: readonly number[];
  /** The service as a whole, then its versions by name. */
  readonly series: readonly HistorySeries[];
}

/** Body of every answer that is not 2xx. */
export interface ApiError {
  readonly error: string;
  readonly hint?: string;
}
