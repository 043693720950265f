// What of the mesh chosen proxies are told, and how they take what comes in: of a thousand services a workload calls five.

import type { ConnectionPool } from "./client-policy.ts";
import type { GatewayTls } from "./gateway.ts";
import { file, SelectorIndex } from "./label-index.ts";
import { type Authored, byAge } from "./origin.ts";
import type { Protocol } from "./protocol.ts";
import type { BackendTarget } from "./route.ts";
import type { OutboundPolicy } from "./settings.ts";
import type { Workload } from "./workload.ts";

/** `own`: the namespace of the workload, which a scope for the whole mesh does not know. */
export type ImportedNamespace = { readonly kind: "any" | "own" } | { readonly kind: "named"; readonly name: string };

/** Hosts of a namespace: one name, a wildcard, or `*`. */
export interface ImportedHost {
  readonly namespace: ImportedNamespace;
  readonly host: string;
}

/** A place where a workload's calls leave, and the hosts that can be called there. */
export interface EgressListener {
  /** Of the object. */
  readonly path: string;
  readonly hosts: readonly ImportedHost[];
  /** What of `hosts` cannot. */
  readonly except: readonly ImportedHost[];
  /** Undefined: every port, but for those that a listener before this one has. */
  readonly port?: EgressPort | undefined;
}

export interface EgressPort {
  readonly number: number;
  /** `proxy`: clients name host and port in their requests; `either`: requests or bytes, as the client's first bytes say. */
  readonly takes: "requests" | "bytes" | "either" | "proxy";
  /** Undefined: wherever the hosts are. */
  readonly address?: string | undefined;
  /** A socket of the proxy's own; otherwise connections are led to it. */
  readonly isBound: boolean;
  /** A Unix socket of the proxy's own, which stands for every port of its hosts: `number` is 0, and there is no address. */
  readonly file?: string | undefined;
}

/** Where the application listens. `instance`: at the workload's own address. */
export type ApplicationEndpoint =
  | { readonly kind: "loopback"; readonly address: string; readonly port: number }
  | { readonly kind: "instance"; readonly port: number }
  | { readonly kind: "socket"; readonly file: string };

/** A port of the application as its proxy stands for it. */
export interface IngressListener {
  readonly path: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Undefined: on this port of the loopback interface. */
  readonly endpoint?: ApplicationEndpoint | undefined;
  /** For clients without mutual TLS; it holds where the port demands none. */
  readonly tls?: Extract<GatewayTls, { readonly kind: "terminate" }> | undefined;
  /** Undefined: that of all ports. */
  readonly connectionPool?: ConnectionPool | undefined;
  /** The proxy listens on the port itself, and clients come to it without being led. */
  readonly bound?: BoundIngress | undefined;
}

export interface BoundIngress {
  /** Undefined: where the workload's other ports are. */
  readonly address: string | undefined;
}

export interface OutboundRule {
  readonly policy: OutboundPolicy;
  /** Where what is let through goes instead of to whom it was for. */
  readonly via?: BackendTarget | undefined;
}

/** Which workloads: of a namespace, those with all labels; or everybody whose namespace has no scope. */
export type ScopedWorkloads =
  | { readonly kind: "mesh" }
  | {
      readonly kind: "namespace";
      readonly namespace: string;
      /** Undefined: it chooses nobody and holds where no other does. */
      readonly labels?: Readonly<Record<string, string>> | undefined;
    };

export interface ProxyScope extends Authored {
  readonly workloads: ScopedWorkloads;
  /** Undefined: everything that is exported to the workload. */
  readonly egress?: readonly EgressListener[] | undefined;
  /** Empty: as services say. */
  readonly ingress: readonly IngressListener[];
  /** Towards the application. */
  readonly connectionPool?: ConnectionPool | undefined;
  /** Undefined: the mesh's. */
  readonly outbound?: OutboundRule | undefined;
}

export class ProxyScopeIndex {
  readonly #choosing: ReadonlyMap<string, SelectorIndex<ProxyScope>>;
  readonly #namespaces = new Map<string, ProxyScope>();
  readonly #mesh: ProxyScope | undefined;

  constructor(scopes: readonly ProxyScope[]) {
    const choosing = new Map<string, ProxyScope[]>();
    const sorted = [...scopes].sort(byAge);
    for (const scope of sorted) {
      const { workloads } = scope;
      if (workloads.kind === "mesh") continue;
      if (workloads.labels) file(choosing, workloads.namespace, scope);
      else if (!this.#namespaces.has(workloads.namespace)) this.#namespaces.set(workloads.namespace, scope);
    }
    this.#mesh = sorted.find(({ workloads }) => workloads.kind === "mesh");
    this.#choosing = new Map(
      [...choosing].map(([namespace, members]) => [namespace, new SelectorIndex(members, labelsOf)]),
    );
  }

  /** One alone: that which chooses the workload, else its namespace's, else the mesh's; of several the oldest. They do not add up. */
  of({ namespace, labels }: Pick<Workload, "namespace" | "labels">): ProxyScope | undefined {
    return this.#choosing.get(namespace)?.first(labels) ?? this.ofNamespace(namespace);
  }

  /** Of workloads that none chooses. */
  ofNamespace(namespace: string): ProxyScope | undefined {
    return this.#namespaces.get(namespace) ?? this.#mesh;
  }
}

function labelsOf({ workloads }: ProxyScope): Readonly<Record<string, string>> {
  return workloads.kind === "namespace" ? (workloads.labels ?? {}) : {};
}
