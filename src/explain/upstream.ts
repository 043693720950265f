// The clusters that a request may go to, their endpoints, and how the one that is followed is spoken to.

import { clientSettingsFor } from "../compile/client-settings.ts";
import type { Source } from "../compile/provenance.ts";
import { wholeObject } from "../compile/provenance.ts";
import { CONFIG_MAP_NAME } from "../model/credential.ts";
import type { Endpoint as ModelEndpoint } from "../model/endpoint.ts";
import { type Client, clientPolicyFor, endpointsOf, mtlsRuling, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Workload, workloadKey } from "../model/workload.ts";
import type { Cluster, UpstreamProtocol } from "../table/cluster.ts";
import { type Endpoint, formatAddress } from "../table/endpoint.ts";
import type { StringMatch } from "../table/string-match.ts";
import { chooseSocket, type UpstreamSocket } from "../table/transport-socket.ts";
import { parseClusterName, parseSubset } from "../xds/names.ts";
import type { CompiledMesh } from "./compiled-mesh.ts";
import { percentText } from "./describe.ts";
import type { ClusterFacts, EndpointFacts, EndpointHealth, TlsFacts } from "./explanation.ts";
import { tellPatches } from "./patches.ts";
import type { ProxyTables } from "./proxy-tables.ts";
import type { Story } from "./story.ts";

/** A share of the traffic. */
export interface Share {
  readonly name: string;
  readonly weight: number;
  /** What names the destination; undefined: no rule. */
  readonly by: Source | undefined;
}

/** An endpoint on whose server the story goes on. */
export interface Followed {
  readonly protocol: UpstreamProtocol;
  /** Undefined: no socket address. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  readonly tls: TlsFacts;
  readonly model: ModelEndpoint | undefined;
  /** Undefined: the mesh knows only the address. */
  readonly workload: Workload | undefined;
}

export class Upstreams {
  readonly #mesh: Mesh;
  readonly #tables: ProxyTables;
  readonly #client: Client;
  readonly #story: Story;
  /** What the client's proxy found out, by cluster and address. */
  readonly #found: ReadonlyMap<string, ReadonlyMap<string, EndpointHealth>> | undefined;

  constructor({ mesh, live }: CompiledMesh, tables: ProxyTables, client: Workload, story: Story) {
    const running = live.get(workloadKey(client))?.running;
    this.#found = running?.kind === "told" ? running.hosts : undefined;
    this.#mesh = mesh;
    this.#tables = tables;
    this.#client = client;
    this.#story = story;
  }

  /** Heaviest first. */
  clusters(shares: readonly Share[], by: Source | undefined): readonly ClusterFacts[] {
    const total = shares.reduce((sum, { weight }) => sum + weight, 0);
    const sorted = shares.toSorted((a, b) => b.weight - a.weight);
    const text = sorted.map(({ name, weight }) => `${percentText(weight / total)} to ${this.#clusterText(name)}`);
    this.#story.tell("weights and subsets", text.join(", "), by);
    return sorted.map((share) => this.#clusterFacts(share, share.weight / total));
  }

  #clusterText(name: string): string {
    const { subset } = parseSubset(parseClusterName(name)?.subset ?? "");
    return subset === "" ? name : `${name} (subset ${subset})`;
  }

  #clusterFacts({ name, by }: Share, part: number): ClusterFacts {
    const weight = Number((part * 100).toFixed(2));
    const cluster = this.#tables.cluster(name);
    if (!cluster) {
      const subset = parseClusterName(name)?.subset;
      const why = subset ? `no DestinationRule that the client sees has subset ${subset}` : "no such service and port";
      this.#story.tell("endpoints", `the proxy has no cluster ${name}: ${why}; its share is answered 503 (NC)`, by);
      return { name, weight, endpoints: [], flag: "NC" };
    }
    const { kind } = cluster.discovery;
    if (kind === "original-destination" || kind === "dynamic-forward-proxy") {
      const whither = kind === "original-destination" ? "where the client was going" : "where the host's name leads";
      this.#story.tell("endpoints", `${name} goes ${whither}`, this.#tables.sources("cds", name)[0]);
      return { name, weight, endpoints: [], flag: undefined };
    }
    const endpoints = this.#endpointFacts(cluster);
    const isAble = this.#usable(cluster).length > 0;
    const ready = endpoints.filter(({ health }) => health === "healthy" || health === "degraded").length;
    const list = endpoints.map(endpointText);
    const lacked = this.#lackedSecret(cluster);
    const withheld = lacked === "" ? this.#withheld(cluster).join(", ") : "";
    const why = withheld === "" ? "" : `; ${withheld} left out: mutual TLS is wanted of it, and it does not take it`;
    const told = `${ready} of ${endpoints.length} endpoints of ${name} can take it: ${list.join(", ") || "none"}${why}`;
    const decision = isAble ? told : `${told}; its share is answered 503 (UH)${lacked}`;
    this.#story.tell("endpoints", decision, this.#tables.sources("cds", name)[0]);
    tellPatches(this.#story, this.#tables, "endpoints", "cds", name);
    return { name, weight, endpoints, flag: isAble ? undefined : "UH" };
  }

  /** Those of the cluster, then those that the mesh knows and leaves out because they are not ready. */
  #endpointFacts(cluster: Cluster): readonly EndpointFacts[] {
    const sent = this.#tables.endpoints(cluster).endpoints;
    const known = this.#modelEndpoints(cluster.name);
    const inUse = sent.map((endpoint): EndpointFacts => {
      const model = known.find((candidate) => isSame(candidate, endpoint));
      const address = formatAddress(endpoint.address);
      const health = this.#healthOf(cluster, endpoint);
      const { weight, priority } = endpoint;
      const facts = { address, workload: this.#workloadName(model), health, weight };
      return priority > 0 ? { ...facts, priority } : facts;
    });
    const isSent = (model: ModelEndpoint) => sent.some((endpoint) => isSame(model, endpoint));
    const left = known.filter((model) => model.health !== "healthy" && !isSent(model));
    const out = left.map((model): EndpointFacts => {
      const address = formatAddress({ kind: "socket", host: model.address, port: model.applicationPort });
      return { address, workload: this.#workloadName(model), health: model.health, weight: model.weight };
    });
    return [...inUse, ...out];
  }

  /** Ready, and told to no client (compile/leg.ts): its proxy does not know the service's name yet. */
  #withheld(cluster: Cluster): readonly string[] {
    const sent = this.#tables.endpoints(cluster).endpoints;
    const known = this.#modelEndpoints(cluster.name).filter(({ health }) => health === "healthy");
    const left = known.filter((model) => !sent.some((endpoint) => isSame(model, endpoint)));
    return left.map(({ address, applicationPort: port }) => formatAddress({ kind: "socket", host: address, port }));
  }

  /** By the proxy's own word, where it told. */
  #healthOf({ name }: Cluster, { address, health }: Endpoint): EndpointHealth {
    return this.#found?.get(name)?.get(formatAddress(address)) ?? health;
  }

  /** Envoy's panic: below the threshold health does not count. */
  #usable(cluster: Cluster): readonly Endpoint[] {
    const { endpoints } = this.#tables.endpoints(cluster);
    const able = endpoints.filter((endpoint) => {
      const health = this.#healthOf(cluster, endpoint);
      return health === "healthy" || health === "degraded";
    });
    return able.length === 0 && cluster.balancing.panicThreshold > 0 ? endpoints : able;
  }

  #modelEndpoints(clusterName: string): readonly ModelEndpoint[] {
    const parsed = parseClusterName(clusterName);
    const service = parsed && serviceFor(this.#mesh, parsed.host, this.#client.namespace);
    if (!parsed || !service) return [];
    const all = endpointsOf(this.#mesh, service, parsed.port);
    const { subset, address } = parseSubset(parsed.subset);
    if (address !== undefined) return all.filter((endpoint) => endpoint.address === address);
    const policy = clientPolicyFor(this.#mesh, service, this.#client);
    const labels = policy?.subsets.find(({ name }) => name === subset)?.labels ?? {};
    return all.filter((endpoint) => Object.entries(labels).every(([key, value]) => endpoint.labels[key] === value));
  }

  #workloadOf(model: ModelEndpoint | undefined): Workload | undefined {
    return model?.workload === undefined ? undefined : this.#mesh.index.workloads.get(model.workload);
  }

  #workloadName(model: ModelEndpoint | undefined): string | undefined {
    const workload = this.#workloadOf(model);
    return workload && `${workload.namespace}/${workload.name}`;
  }

  /** The first endpoint of the first cluster that has one: all of a cluster's are configured alike. */
  follow(clusters: readonly ClusterFacts[]): Followed | undefined {
    for (const { name } of clusters) {
      const cluster = this.#tables.cluster(name);
      const [endpoint] = cluster ? this.#usable(cluster) : [];
      if (!cluster || !endpoint) continue;
      const socket = chooseSocket(cluster.socketMatches, cluster.socket, endpoint.socketMatch);
      const model = this.#modelEndpoints(name).find((candidate) => isSame(candidate, endpoint));
      const address = endpoint.address.kind === "socket" ? endpoint.address : undefined;
      const { protocol } = cluster;
      const followed = { protocol, address, tls: tlsFacts(socket), model, workload: this.#workloadOf(model) };
      this.#tellTls(cluster, formatAddress(endpoint.address), followed);
      return followed;
    }
    return undefined;
  }

  #tellTls({ name: cluster, namedByRequest }: Cluster, to: string, { tls, model, workload }: Followed): void {
    const named = namedByRequest?.certificate ? "the request's host" : "";
    const names = tls.sans.length > 0 || named ? `, the server must prove to be ${tls.sans.join(" or ") || named}` : "";
    const way = tls.mode === "mesh" && model?.transport.kind === "istio" ? "istio" : tls.mode;
    const decision =
      way === "none"
        ? `${to} is spoken to in the clear`
        : `${TLS_WORDS[way]} to ${to}, SNI ${tls.sni || "the host"}${names}`;
    const asked = this.#askedTls(cluster);
    // A gateway's servers are ruled by its Gateways.
    const isRuled = workload?.proxy?.gateway === undefined;
    const ruled = isRuled && model && workload ? mtlsRuling(this.#mesh, workload, model.applicationPort) : undefined;
    const server = ruled?.policy && wholeObject(ruled.policy.origin);
    const mode = ruled && `the server's mode is ${ruled.mode.toUpperCase()}`;
    if (asked)
      this.#story.tell("client TLS", decision, asked, mode === undefined ? undefined : { decision: mode, by: server });
    else this.#story.tell("client TLS", mode ? `${decision}; ${mode}` : decision, server);
  }

  /** Why there is no way at all: a Secret is named that is not there, or not the client's to have. */
  #lackedSecret({ name, discovery }: Cluster): string {
    const parsed = discovery.kind === "static" ? parseClusterName(name) : undefined;
    const tls =
      parsed &&
      clientSettingsFor(this.#mesh, this.#client, parsed.host, parsed.port, parseSubset(parsed.subset).subset)?.tls;
    if (tls?.kind !== "simple" || !tls.credential) return "";
    const { name: own, rootsName } = tls.credential;
    const wanted = [...new Set([own, rootsName ?? own])].map(kept).join(" or ");
    return `: it has no ${wanted} for TLS, or not all that is wanted of it`;
  }

  /** The policy of the client's side that says how it is to be. */
  #askedTls(clusterName: string): Source | undefined {
    const parsed = parseClusterName(clusterName);
    const service = parsed && serviceFor(this.#mesh, parsed.host, this.#client.namespace);
    if (!parsed || !service) return undefined;
    const { host, port } = parsed;
    const policy = clientPolicyFor(this.#mesh, service, this.#client);
    const settings = clientSettingsFor(this.#mesh, this.#client, host, port, parseSubset(parsed.subset).subset);
    return policy && settings?.tls ? wholeObject(policy.origin) : undefined;
  }
}

function kept(name: string): string {
  return name.startsWith(CONFIG_MAP_NAME) ? `ConfigMap ${name.slice(CONFIG_MAP_NAME.length)}` : `Secret ${name}`;
}

const TLS_WORDS = {
  mesh: "mutual TLS of the mesh",
  istio: "mutual TLS of Istio's sidecars",
  mutual: "mutual TLS",
  simple: "TLS",
} as const;

function isSame(model: ModelEndpoint, { address, socketMatch }: Endpoint): boolean {
  if (address.kind !== "socket") return false;
  const port = socketMatch.size > 0 && model.transport.kind === "leg" ? model.transport.port : model.port;
  // Endpoints on the machine's loopback interface have another address to clients that have one of their own, and a port of their own.
  return port === address.port && (model.address === address.host || model.address.startsWith("127."));
}

function nameText(match: StringMatch): string {
  return match.kind === "regex" ? match.pattern.pattern() : match.text;
}

/** Secret of the workload's own certificate, which the agent serves. */
const OWN_CERTIFICATE = "default";

function tlsFacts(socket: UpstreamSocket): TlsFacts {
  if (socket.kind === "raw") return { mode: "none", sni: "", sans: [] };
  const { certificate, sni, subjectAltNames } = socket;
  const mode = certificate === OWN_CERTIFICATE ? "mesh" : certificate === undefined ? "simple" : "mutual";
  return { mode, sni, sans: subjectAltNames.map(({ match }) => nameText(match)) };
}

function endpointText({ address, health, priority }: EndpointFacts): string {
  const notes = [...(health === "healthy" ? [] : [health]), ...(priority ? [`priority ${priority}`] : [])];
  return notes.length === 0 ? address : `${address} (${notes.join(", ")})`;
}
