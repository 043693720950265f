// From what a proxy knows of a request's two sides to the label values that it reports. Both ends of an edge, and either proxy, must
// arrive at identical values: Kiali and the dashboard join the two reports by them.

import type { LabelValues } from "./definition.ts";
import type { MESSAGE_LABELS, REQUEST_LABELS, TCP_LABELS } from "./names/traffic.ts";

export const UNKNOWN = "unknown";

/** What is known of a workload, from its own configuration, peer metadata or endpoint metadata. Empty strings mean not known. */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  readonly app: string;
  readonly version: string;
  readonly cluster: string;
}

/** One side of a request. */
export interface Peer {
  readonly workload: Workload;
  /** SPIFFE id proven on the connection, or empty. */
  readonly principal: string;
}

/** The service that was called, as the cluster's `filter_metadata.istio.services` says; `host` falls back to the Host header. */
export interface CalledService {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

export interface Traffic {
  readonly reporter: "source" | "destination";
  readonly protocol: "http" | "grpc" | "tcp";
  readonly source: Peer;
  readonly destination: Peer;
  readonly service: CalledService;
}

export const UNKNOWN_WORKLOAD: Workload = {
  name: "",
  namespace: "",
  canonicalName: "",
  canonicalRevision: "",
  app: "",
  version: "",
  cluster: "",
};

export const UNKNOWN_PEER: Peer = { workload: UNKNOWN_WORKLOAD, principal: "" };

/** Clusters that stand for no service and are named as they are. */
const SPECIAL_CLUSTERS: ReadonlySet<string> = new Set([
  "BlackHoleCluster",
  "PassthroughCluster",
  "InboundPassthroughCluster",
]);

/**
 * The service as reported when the request's cluster has no service metadata: special clusters by their name, any other host by the
 * Host header, port and all.
 */
export function serviceFromAuthority(authority: string, clusterName: string): CalledService {
  return { host: authority, name: SPECIAL_CLUSTERS.has(clusterName) ? clusterName : authority, namespace: "" };
}

/** `default` of `spiffe://cluster.local/ns/default/sa/app`; empty when the id is not of that form. */
export function namespaceOfPrincipal(principal: string): string {
  return /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/[^/]+$/.exec(principal)?.[1] ?? "";
}

function or(value: string, fallback: string): string {
  return value === "" ? fallback : value;
}

/** A certificate proves the namespace, metadata only claims it. */
function namespaceOf(peer: Peer): string {
  return namespaceOfPrincipal(peer.principal) || or(peer.workload.namespace, UNKNOWN);
}

/** Endpoint metadata carries no app and version; the canonical ones are the same labels but for rare overrides, as ztunnel assumes. */
function appOf(workload: Workload): string {
  return workload.app || or(workload.canonicalName, UNKNOWN);
}

function versionOf(workload: Workload): string {
  return workload.version || or(workload.canonicalRevision, UNKNOWN);
}

/** mTLS is for the server to say: a client that negotiated TLS does not know that its certificate was asked for. */
function securityPolicy({ reporter, source, destination }: Traffic): string {
  if (reporter === "source") return UNKNOWN;
  return source.principal !== "" && destination.principal !== "" ? "mutual_tls" : "none";
}

type PeerValues = [
  ...[reporter: string, sWorkload: string, sService: string, sRevision: string, sNamespace: string, sPrincipal: string],
  ...[sApp: string, sVersion: string, sCluster: string],
  ...[dWorkload: string, dNamespace: string, dPrincipal: string, dApp: string, dVersion: string, dService: string],
  ...[dCanonical: string, dRevision: string, dServiceName: string, dServiceNamespace: string, dCluster: string],
];

function peerValues({ reporter, source, destination, service }: Traffic): PeerValues {
  const from = source.workload;
  const to = destination.workload;
  const destinationNamespace = namespaceOf(destination);
  const canonicalService = or(to.canonicalName, UNKNOWN);
  return [
    reporter,
    or(from.name, UNKNOWN),
    or(from.canonicalName, UNKNOWN),
    or(from.canonicalRevision, "latest"),
    namespaceOf(source),
    or(source.principal, UNKNOWN),
    appOf(from),
    versionOf(from),
    or(from.cluster, UNKNOWN),
    or(to.name, UNKNOWN),
    destinationNamespace,
    or(destination.principal, UNKNOWN),
    appOf(to),
    versionOf(to),
    or(service.host, reporter === "source" ? UNKNOWN : canonicalService),
    canonicalService,
    or(to.canonicalRevision, "latest"),
    or(service.name, reporter === "source" ? UNKNOWN : canonicalService),
    destinationNamespace === UNKNOWN ? or(service.namespace, UNKNOWN) : destinationNamespace,
    or(to.cluster, UNKNOWN),
  ];
}

/**
 * Label values of the request metrics. `responseCode` is 0 when there was no response; `grpcStatus` is empty for what is not gRPC;
 * `flags` are Envoy's short ones, `-` for none.
 */
export function requestLabels(
  traffic: Traffic,
  responseCode: number,
  grpcStatus: string,
  flags: string,
): LabelValues<typeof REQUEST_LABELS> {
  return [...peerValues(traffic), traffic.protocol, String(responseCode), grpcStatus, flags, securityPolicy(traffic)];
}

/** Label values of the gRPC message counters. */
export function messageLabels(traffic: Traffic): LabelValues<typeof MESSAGE_LABELS> {
  return peerValues(traffic);
}

/** Label values of the TCP metrics. */
export function tcpLabels(traffic: Traffic, flags: string): LabelValues<typeof TCP_LABELS> {
  return [...peerValues(traffic), traffic.protocol, flags, securityPolicy(traffic)];
}
