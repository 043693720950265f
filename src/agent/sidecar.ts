// What one sidecar is: whose it is, where it listens, whom it asks. Decided once by whoever starts it (the command line, later an injector).

import type { Message } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Secret } from "../base/secret.ts";
import type { CaptureScope, TrustDomainRoots } from "../xds/gen/heddle/registration/v1/registration_pb.ts";

export type ProxyKind = "heddle" | "envoy";

export interface Workload {
  /** Pod name: unique in the namespace. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly trustDomain: string;
  readonly clusterId: string;
  /** The address that peers reach it by. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What owns the instances: a Deployment's name, or the service's with its version. */
  readonly workloadName: string;
}

/** Every port is a default that gives way when it is taken: several sidecars share a laptop. */
export interface SidecarPorts {
  /** Envoy's or Heddle's admin, loopback. */
  readonly admin: number;
  /** The agent's health and merged metrics. */
  readonly status: number;
  /** HTTP proxy for the program. */
  readonly forwardProxy?: number;
}

/** Whose certificates a proxy takes beside the mesh's own: never the control plane's. */
export interface TrustedPeers {
  /** PEM of roots beside the mesh's. */
  readonly anchors: string;
  /** Whose identities count, each by roots of its own; empty: everybody's. */
  readonly domains: readonly Omit<TrustDomainRoots, keyof Message>[];
}

/** As the registration says it. */
export type SaidOfCapture = Omit<CaptureScope, keyof Message>;

/** What the mesh says of the start of the proxy. */
export interface ProxyStart {
  /** Cores that it may use, 0 for all; undefined: nothing is said. */
  readonly concurrency?: number | undefined;
  /** Variables of its process. */
  readonly environment: Readonly<Record<string, string>>;
  readonly bootstrap: readonly BootstrapPatch[];
  /** For connections of a listener or filter chain that has gone; undefined: nothing is said. */
  readonly listenerDrain?: Duration | undefined;
  /** PEM of roots that it trusts beside the mesh's. */
  readonly trustAnchors?: string | undefined;
  /** Whose certificates count, each by roots of its own; empty: everybody's. */
  readonly trustDomains?: TrustedPeers["domains"] | undefined;
  /** From the end of its workload to its own. */
  readonly terminationDrain?: Duration | undefined;
  /** Which connections of a captured program are; undefined: all of them. */
  readonly capture?: SaidOfCapture | undefined;
  /** Of the proxy's admin interface, and of the agent; 0 or undefined: nothing is said. */
  readonly adminPort?: number | undefined;
  readonly statusPort?: number | undefined;
  /** Of the HTTP proxy for the program; likewise. */
  readonly forwardProxyPort?: number | undefined;
  /** Where the program serves metrics, on its loopback interface; undefined: nothing is said. */
  readonly applicationMetrics?: { readonly port: number; readonly path: string } | undefined;
  readonly uncompressedStatistics?: boolean | undefined;
  /** How long a line of an access log may wait to be written; undefined: nothing is said. */
  readonly logFlushInterval?: Duration | undefined;
  /** Kilobytes of it that are written without waiting. */
  readonly logFlushMinKb?: number | undefined;
}

export interface BootstrapPatch {
  /** An envoy.config.bootstrap.v3.Bootstrap. */
  readonly json: string;
  readonly replacesLists: boolean;
  /** Of the object that asks for it, as people read it. */
  readonly origin: string;
}

export interface ControlPlane {
  readonly host: string;
  /** Discovery and certificates, mutual TLS. */
  readonly port: number;
  /** PEM of the roots that the control plane's certificate leads to. */
  readonly roots: string;
  /** SPIFFE id that it must prove. */
  readonly identity: string;
}

export interface Sidecar {
  /** No application stands beside it: a gateway. */
  readonly role?: "gateway" | undefined;
  readonly proxy: ProxyKind;
  readonly workload: Workload;
  readonly ports: SidecarPorts;
  readonly controlPlane: ControlPlane;
  readonly token: Secret;
  /** Folder of this sidecar alone, 0700: the Unix socket, the bootstrap, the access log. */
  readonly folder: string;
}
