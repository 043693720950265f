// How a client reaches one endpoint: on the mesh leg, by mutual TLS with Istio's sidecar or a gateway, in plaintext, or not at all for now.

import type { ClientTls } from "../model/client-policy.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { mtlsMode } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";
import type { WorkloadKey } from "../model/workload.ts";
import { serverName } from "../xds/names.ts";

/**
 * Server names that the proxies of workloads acknowledged with their mesh port's listener. A workload without an entry has not spoken to
 * this control plane since it started: then its readiness is trusted, because a restarted control plane must not empty the mesh.
 */
export type AcknowledgedServerNames = ReadonlyMap<WorkloadKey, ReadonlySet<string>>;

/**
 * `istio`: mutual TLS with a sidecar of Istio, on the application's port.
 * `server`: mutual TLS with a gateway's server, which chooses its chain by the server name that the client's policy gives.
 * `withheld`: its server does not know the server name yet, and plaintext is not allowed. The client would be refused, and Envoy counts
 * that against the endpoint.
 */
export type Reach = "leg" | "istio" | "server" | "plaintext" | "withheld";

/** The server name towards servers that are not on the leg: the policy's, else Istio's default, which names the subset as well. */
export function policyServerName(
  service: Service,
  port: number,
  subset: string,
  policy: { readonly sni?: string | undefined } | undefined,
): string {
  return policy?.sni ?? serverName({ port, subset, host: service.host });
}

/** The server name of a service port on the leg: without the subset, so that a server need not know subsets. */
export function legServerName(service: Service, port: number): string {
  return serverName({ port, subset: "", host: service.host });
}

const handOn = new WeakMap<Mesh["gateways"], boolean>();

/** Whether a gateway of the mesh hands legs on unopened, whoever sends them. */
export function handsLegsOn({ gateways }: Mesh): boolean {
  const known = handOn.get(gateways);
  if (known !== undefined) return known;
  const found = gateways.some(({ servers }) => servers.some(({ tls }) => tls?.kind === "auto-passthrough"));
  handOn.set(gateways, found);
  return found;
}

/** Whether a proxy that acknowledged these names, or said nothing yet, takes requests for the service's port. */
export function takesOnLeg(known: ReadonlySet<string> | undefined, service: Service, port: number): boolean {
  return known === undefined || known.has(legServerName(service, port));
}

/**
 * `tls` is what the client's policy asks for; undefined: mutual TLS wherever an endpoint inside the mesh can (auto mTLS). The leg needs a mesh port,
 * a server that takes mutual TLS, and its acknowledgement of the server name. While the acknowledgement is awaited, an endpoint that
 * takes plaintext goes on in plaintext: turning mTLS on must not cost a request. A gateway's servers are ruled by Gateways and by no
 * PeerAuthentication, as in Istio. A sidecar of Istio acknowledges nothing here: its own control plane sees to it that it takes mutual TLS.
 */
export function reachOf(
  mesh: Mesh,
  acknowledged: AcknowledgedServerNames,
  service: Service,
  port: number,
  endpoint: Endpoint,
  tls: ClientTls | undefined,
): Reach {
  if (tls?.kind === "disable" || tls?.kind === "simple") return "plaintext";
  if (!tls && service.location === "external") return "plaintext";
  const { transport, workload: key } = endpoint;
  const demanded = tls?.kind === "mesh";
  if (transport.kind === "gateway") return demanded ? "server" : "plaintext";
  const { namespace } = service;
  const workload = key === undefined ? { namespace, labels: endpoint.labels } : mesh.index.workloads.get(key);
  if (transport.kind === "plaintext" || !workload) return demanded ? "withheld" : "plaintext";
  const mode = mtlsMode(mesh, workload, endpoint.applicationPort);
  if (mode === "disable") return demanded ? "withheld" : "plaintext";
  if (transport.kind === "istio") return "istio";
  const known = key === undefined ? undefined : acknowledged.get(key);
  if (takesOnLeg(known, service, port)) return "leg";
  return mode === "strict" || demanded ? "withheld" : "plaintext";
}
