// "Why would this request go there?": the tables of the client's proxy and of the server's are asked as the proxies ask them, step by step.

import { FAULT_FILTER } from "../compile/filter/fault.ts";
import { FORWARD_PROXY, FORWARD_PROXY_TUNNEL } from "../compile/listener-names.ts";
import { type Source, wholeObject } from "../compile/provenance.ts";
import { streamRoute } from "../compile/stream-route.ts";
import { endpointsOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { portByNumber } from "../model/service.ts";
import type { SourceMap } from "../model/source-map.ts";
import type { FaultFilter } from "../table/filter/fault.ts";
import { matchesHeaders } from "../table/header-match.ts";
import type { HttpTable, RouteConfiguration } from "../table/http.ts";
import type { FilterChain } from "../table/listener.ts";
import { redirectLocation } from "../table/redirect.ts";
import { type ConnectionFacts, headerValue, type RequestFacts } from "../table/request.ts";
import type { ForwardAction, Route } from "../table/route.ts";
import type { TcpClusterChoice } from "../table/tcp.ts";
import { arriving, departing } from "./arriving-request.ts";
import { Authorization } from "./authorization.ts";
import { type CompiledMesh, compiledMesh, tablesOf } from "./compiled-mesh.ts";
import { tellConfiguration } from "./configuration.ts";
import { type Arrival, chainFor, connectionFacts, serverNameOf } from "./connection.ts";
import { faultText, timeoutText } from "./describe.ts";
import { calledService, type Entry, enter } from "./entry.ts";
import type { Explanation } from "./explanation.ts";
import { lackedSecrets } from "./lacked-secret.ts";
import { type LiveProxies, NOBODY_ASKED } from "./live.ts";
import { MAX_GATEWAYS, questionAtGateway } from "./onward.ts";
import { tellPatches } from "./patches.ts";
import type { ProxyTables } from "./proxy-tables.ts";
import { hostOfUrl, isOfBytes, portOfUrl, type Question, requestOf, startsWithTls } from "./question.ts";
import { type Reception, unguarded } from "./reception.ts";
import { type Routed, Routing, ruleAt } from "./routing.ts";
import { receive } from "./server.ts";
import { Story } from "./story.ts";
import { type Share, Upstreams } from "./upstream.ts";

/** What is decided so far, and the end of it. */
type Ending = Omit<Explanation, "steps">;

const NOTHING: Ending = {
  outcome: "forward",
  status: undefined,
  flags: [],
  location: undefined,
  listener: undefined,
  virtualHost: undefined,
  route: undefined,
  clusters: [],
  tls: undefined,
  upstreamRequest: undefined,
  authz: undefined,
};

/** Answers questions about one mesh. What proxies would be told is compiled when the first question needs it. */
export class Explainer {
  readonly #compiled: CompiledMesh;
  readonly #sources: SourceMap;

  constructor(mesh: Mesh, sources: SourceMap, live: LiveProxies = NOBODY_ASKED) {
    this.#compiled = compiledMesh(mesh, live);
    this.#sources = sources;
  }

  /** Throws a Failure where a proxy would refuse its configuration. */
  explain(question: Question): Explanation {
    const story = new Story(this.#sources);
    const compiled = { ...this.#compiled, claims: question.claims };
    const ending = new Telling(compiled, withToken(question), story).begin();
    return { ...ending, steps: story.steps };
  }
}

/** Whoever has claims sends a token. */
function withToken(question: Question): Question {
  if (!question.claims || question.headers.includes("authorization")) return question;
  return { ...question, headers: [...question.headers, "authorization", "Bearer …"] };
}

class Telling {
  readonly #compiled: CompiledMesh;
  readonly #question: Question;
  readonly #story: Story;
  /** Gateways behind it. */
  readonly #passed: number;

  constructor(compiled: CompiledMesh, question: Question, story: Story, passed = 0) {
    this.#compiled = compiled;
    this.#question = question;
    this.#story = story;
    this.#passed = passed;
  }

  begin(): Ending {
    const { mesh } = this.#compiled;
    const { workload } = this.#question.entry;
    const tables = tablesOf(this.#compiled, workload);
    tellConfiguration(this.#compiled, workload, this.#story);
    if (!tables) {
      this.#story.tell("capture", "no proxy stands beside the workload", wholeObject(workload.origin));
      return this.#unseen();
    }
    const entry = enter(mesh, tables, this.#question, this.#story);
    if (entry) return this.#atListener(tables, entry);
    return this.#question.entry.kind === "gateway" ? { ...NOTHING, outcome: "reject" } : this.#unseen();
  }

  /** No proxy of the client's has a part in it; the server's may. */
  #unseen(): Ending {
    const { workload } = this.#question.entry;
    const { mesh } = this.#compiled;
    const { url, sourceAddress } = this.#question;
    const service = calledService(mesh, workload.namespace, hostOfUrl(url));
    const ready = service
      ? endpointsOf(mesh, service, portOfUrl(url)).filter(({ health }) => health === "healthy")
      : [];
    const [model] = ready;
    if (!service || !model) {
      this.#story.tell("endpoints", "the mesh knows no endpoint of the host", service && wholeObject(service.origin));
      return NOTHING;
    }
    const list = ready.map(({ address, port }) => `${address}:${port}`).join(", ");
    this.#story.tell("endpoints", `whichever the client's machine chooses of ${list}`, wholeObject(service.origin));
    const request = isOfBytes(url) ? undefined : requestOf(this.#question);
    const mode = startsWithTls(url) ? "simple" : "none";
    const tls = { mode, sni: serverNameOf(hostOfUrl(url)), sans: [] } as const;
    const address = { host: model.address, port: model.port };
    const server = model.workload === undefined ? undefined : mesh.index.workloads.get(model.workload);
    const followed = { protocol: "http1", address, tls, model, workload: server } as const;
    const delivery = { client: workload, clientAddress: sourceAddress, request, followed };
    return ended(
      { ...NOTHING, upstreamRequest: request && shapeOf(request) },
      receive(this.#compiled, delivery, this.#story),
    );
  }

  // ── the connection ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #atListener(tables: ProxyTables, entry: Entry): Ending {
    const listener = tables.listener(entry.listener);
    const base: Ending = { ...NOTHING, listener: entry.listener };
    const by = entry.by ?? tables.sources("lds", entry.listener)[0];
    if (!listener) {
      this.#story.tell("listener", `the proxy has no listener ${entry.listener}`, by);
      return { ...base, outcome: "reject" };
    }
    const arrival = this.#arrival(entry);
    const chain = chainFor(listener, arrival);
    if (!chain || (chain.tls && !arrival.hello)) {
      const what = arrival.hello ? `TLS for ${arrival.hello.serverName || "no name"}` : "plaintext";
      this.#story.tell("listener", `${listener.name} has no filter chain for ${what} and closes the connection`, by);
      return { ...base, outcome: "reject", flags: chain ? [] : ["NR"] };
    }
    const certificate = chain.tls?.requireClientCertificate ? ", whose clients must show a certificate" : "";
    const decision = `filter chain ${chain.name || "of the listener"} of ${listener.name}${certificate}`;
    this.#story.tell("listener", decision, by);
    tellPatches(this.#story, tables, "listener", "lds", entry.listener);
    return this.#atChain(tables, entry, chain, arrival, base);
  }

  /** A client of the forward proxy asks for a tunnel in the clear, and speaks inside of it what the proxy would not take for requests. */
  #isTunnel({ listener }: Entry): boolean {
    return listener === FORWARD_PROXY && this.#question.url.protocol !== "http:";
  }

  #arrival(entry: Entry): Arrival {
    const { destination } = entry;
    const { url, sourceAddress, mutual } = this.#question;
    const protocols = isOfBytes(url) ? [] : ["h2", "http/1.1"];
    const isTunnel = this.#isTunnel(entry);
    const serverName = mutual?.serverName ?? serverNameOf(hostOfUrl(url));
    const hello = startsWithTls(url) && !isTunnel ? { serverName, protocols } : undefined;
    const speaks = isOfBytes(url) && !isTunnel ? undefined : "http/1.1";
    return { source: sourceAddress, destination, hello, speaks, principal: mutual?.principal ?? "" };
  }

  #atChain(tables: ProxyTables, entry: Entry, chain: FilterChain, arrival: Arrival, base: Ending): Ending {
    const { terminal } = chain;
    if (terminal.kind === "tcp") {
      const admission = this.#admission(tables, entry, chain, connectionFacts(arrival), undefined, undefined);
      if (admission.kind === "refused") return ended(base, admission);
      return this.#stream(tables, terminal.tcp.cluster, entry, arrival, { ...base, authz: admission.authz });
    }
    if (arrival.hello && !chain.tls) {
      this.#story.tell("listener", "the chain expects HTTP in the clear and gets TLS");
      return { ...base, outcome: "reject", status: 400, flags: ["DPE"] };
    }
    if (isOfBytes(this.#question.url) && !this.#isTunnel(entry)) {
      this.#story.tell("listener", "the chain expects HTTP and gets other bytes");
      return { ...base, outcome: "reject", status: 400, flags: ["DPE"] };
    }
    const connection = connectionFacts(arrival);
    const saysScheme = entry.listener === FORWARD_PROXY || arrival.hello !== undefined;
    const given = this.#request(entry);
    const request = arriving(given, terminal.http, connection, saysScheme);
    if (!request) {
      this.#story.tell("listener", "the path cannot be normalised");
      return { ...base, outcome: "reject", status: 400 };
    }
    const admission = this.#admission(tables, entry, chain, connection, given, request);
    if (admission.kind === "refused") return ended(base, admission);
    const { authz, found, request: admitted = request } = admission;
    const configuration = routesOf(tables, terminal.http);
    if (!configuration) return { ...base, authz, outcome: "reject", status: 404, flags: ["NR"] };
    const routing = new Routing(tables, configuration, entry.servers);
    const routed = routing.choose(admitted, connection, found, this.#story);
    if (!routed) return { ...base, authz, outcome: "reject", status: 404, flags: ["NR"] };
    const { host, route } = routed;
    return this.#act(tables, routed, admitted, { ...base, authz, virtualHost: host.name, route: route?.name });
  }

  /** A gateway asks for tokens and policies before it sends anything on. `given`: as the client wrote it; undefined: bytes. */
  #admission(
    tables: ProxyTables,
    { listener }: Entry,
    chain: FilterChain,
    connection: ConnectionFacts,
    given: RequestFacts | undefined,
    arrived: RequestFacts | undefined,
  ): Reception {
    const { kind, workload } = this.#question.entry;
    if (kind !== "gateway") return unguarded(arrived);
    const { mesh, claims } = this.#compiled;
    const sources = tables.sources("lds", listener);
    return new Authorization(mesh, workload, sources, claims, this.#story).judge(chain, connection, given, arrived);
  }

  #request(entry: Entry): RequestFacts {
    if (!this.#isTunnel(entry)) return requestOf(this.#question);
    const { url } = this.#question;
    const authority = `${url.hostname}:${portOfUrl(url)}`;
    return { method: "CONNECT", scheme: "http", authority, path: "", headers: [] };
  }

  #stream(tables: ProxyTables, choice: TcpClusterChoice, entry: Entry, arrival: Arrival, base: Ending): Ending {
    const by = this.#streamSource(entry);
    const lacked = lackedSecrets(entry, choice).join(", ");
    if (lacked !== "") {
      const decision = `the gateway has no Secret ${lacked}, or not all that is wanted of it: it closes the connection`;
      this.#story.tell("listener", decision, entry.by);
    }
    this.#story.tell("route", "bytes go by the listener alone: no virtual host, no HTTP route", by);
    const shares = sharesOfStream(choice, arrival.hello?.serverName ?? "");
    return this.#forward(tables, shares, undefined, by, base);
  }

  /** The TCP or TLS rule that shares the bytes out, or the service. */
  #streamSource({ service, destination }: Entry): Source | undefined {
    const port = service && portByNumber(service, destination.port);
    return port && streamRoute(this.#compiled.mesh, service, port, this.#question.entry.workload).sources[0];
  }

  // ── the request ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #act(tables: ProxyTables, { host, route, source, needsTls }: Routed, request: RequestFacts, base: Ending): Ending {
    if (needsTls)
      return { ...base, outcome: "redirect", status: 301, location: `https://${request.authority}${request.path}` };
    const fault = route && this.#fault(route, request, source);
    if (fault !== undefined) return { ...base, outcome: "reject", status: fault, flags: ["FI"] };
    if (!route) return { ...base, outcome: "reject", status: 404, flags: ["NR"] };
    const { action } = route;
    switch (action.kind) {
      case "direct":
        return { ...base, outcome: "direct", status: action.status };
      case "redirect": {
        const location = redirectLocation(action, request, route.match.path);
        return { ...base, outcome: "redirect", status: action.status, location };
      }
      case "forward":
        this.#tellTimeouts(action, source);
        return this.#forwardRequest(tables, { host, route, source }, action, request, base);
    }
  }

  /** The status that every request is answered with; undefined: at most a share of them is. */
  #fault(route: Route, request: RequestFacts, source: Source | undefined): number | undefined {
    const table = route.filters.get(FAULT_FILTER);
    if (table?.kind !== "fault" || !matchesHeaders(table.headers, request)) return undefined;
    this.#story.tell("faults", faultText(table), source);
    return everyTime(table);
  }

  #tellTimeouts(action: ForwardAction, source: Source | undefined): void {
    const rule = ruleAt(this.#compiled.mesh, source);
    const isOwn = rule !== undefined && (rule.timeoutMs !== undefined || rule.retry !== undefined);
    this.#story.tell("retries and timeouts", timeoutText(action), isOwn ? source : undefined);
  }

  #forwardRequest(
    tables: ProxyTables,
    { host, route, source }: Omit<Routed, "needsTls"> & { readonly route: Route },
    action: ForwardAction,
    request: RequestFacts,
    base: Ending,
  ): Ending {
    const shares = sharesOf(action, request).map((share) => ({ ...share, by: this.#backendSource(share, source) }));
    if (action.terminateConnect) return this.#tunnel(tables, shares, source, base);
    const heaviest = action.cluster.kind === "weighted" ? action.cluster.clusters.toSorted(byWeight)[0] : undefined;
    const sent = departing(request, host, route, action, heaviest);
    return this.#forward(tables, shares, sent, source, base);
  }

  /** Bytes to a port that is declared HTTP come back to the proxy, which expects requests in the clear. */
  #tunnel(tables: ProxyTables, shares: readonly Share[], source: Source | undefined, base: Ending): Ending {
    if (shares.some(({ name }) => name === FORWARD_PROXY_TUNNEL)) {
      const brought = startsWithTls(this.#question.url) ? "TLS" : "other bytes";
      this.#story.tell("route", `the port is declared HTTP, and the tunnel brings ${brought}`, source);
      return { ...base, outcome: "reject", flags: ["DPE"] };
    }
    return this.#forward(tables, shares, undefined, source, base);
  }

  /** The destination in the rule that a cluster stands for. */
  #backendSource({ name }: Share, source: Source | undefined): Source | undefined {
    const rule = ruleAt(this.#compiled.mesh, source);
    if (!source || rule?.action.kind !== "forward") return source;
    const backend = rule.action.backends.find(({ target }) => name.endsWith(`|${target.subset ?? ""}|${target.host}`));
    return backend ? { origin: source.origin, path: backend.target.path } : source;
  }

  #onward(question: Question, base: Ending): Ending {
    const { namespace, name, origin } = question.entry.workload;
    const decision = `the request is at the gateway ${namespace}/${name}, which sends it on`;
    this.#story.tell("server filter chain", decision, wholeObject(origin));
    if (this.#passed >= MAX_GATEWAYS) return base;
    return throughGateway(base, new Telling(this.#compiled, question, this.#story, this.#passed + 1).begin());
  }

  /** `request` undefined: bytes. */
  #forward(
    tables: ProxyTables,
    shares: readonly Share[],
    request: RequestFacts | undefined,
    by: Source | undefined,
    base: Ending,
  ): Ending {
    const { workload } = this.#question.entry;
    const upstreams = new Upstreams(this.#compiled, tables, workload, this.#story);
    const clusters = upstreams.clusters(shares, by);
    const upstreamRequest = request && shapeOf(request);
    const [failed] = clusters;
    if (failed && clusters.every(({ flag }) => flag !== undefined)) {
      const status = request && 503;
      return { ...base, outcome: "reject", status, flags: failed.flag ? [failed.flag] : [], clusters, upstreamRequest };
    }
    const followed = upstreams.follow(clusters);
    if (!followed) return { ...base, clusters, upstreamRequest };
    const onward = questionAtGateway(followed, request, this.#question);
    if (onward) return this.#onward(onward, { ...base, clusters, tls: followed.tls, upstreamRequest });
    const clientAddress = workload.addresses[0] ?? this.#question.sourceAddress;
    const delivery = { client: workload, clientAddress, request, followed };
    const reception = receive(this.#compiled, delivery, this.#story);
    return ended({ ...base, clusters, tls: followed.tls, upstreamRequest }, reception);
  }
}

/** The way to a gateway, and what becomes of the request there. */
function throughGateway(base: Ending, { outcome, status, flags, location, upstreamRequest, authz }: Ending): Ending {
  return { ...base, outcome, status, flags, location, upstreamRequest, authz };
}

function ended(base: Ending, reception: Reception): Ending {
  const authz = reception.authz ?? base.authz;
  if (reception.kind === "served") return { ...base, authz };
  return { ...base, authz, outcome: "reject", status: reception.status, flags: reception.flags };
}

function byWeight(a: { readonly weight: number }, b: { readonly weight: number }): number {
  return b.weight - a.weight;
}

function routesOf(tables: ProxyTables, { routes }: HttpTable): RouteConfiguration | undefined {
  return routes.kind === "inline" ? routes.routes : tables.routes(routes.name);
}

function everyTime({ abort }: FaultFilter): number | undefined {
  if (!abort || abort.fraction < 1 || abort.kind === "header") return undefined;
  return abort.kind === "http" ? abort.status : 200; // gRPC: the failure stands in a trailer
}

function sharesOf({ cluster }: ForwardAction, request: RequestFacts): readonly Share[] {
  switch (cluster.kind) {
    case "single":
      return [{ name: cluster.name, weight: 1, by: undefined }];
    case "weighted":
      return cluster.clusters.map(({ name, weight }) => ({ name, weight, by: undefined }));
    case "header":
      return [{ name: headerValue(request, cluster.header) ?? "", weight: 1, by: undefined }];
  }
}

function sharesOfStream(choice: TcpClusterChoice, serverName: string): readonly Share[] {
  switch (choice.kind) {
    case "single":
      return [{ name: choice.name, weight: 1, by: undefined }];
    case "weighted":
      return choice.clusters.map(({ name, upTo }, i) => ({
        name,
        weight: upTo - (choice.clusters[i - 1]?.upTo ?? 0),
        by: undefined,
      }));
    case "server-name":
      return serverName === ""
        ? sharesOfStream(choice.otherwise, serverName)
        : [{ name: serverName, weight: 1, by: undefined }];
  }
}

function shapeOf({ method, path, authority, headers }: RequestFacts): Explanation["upstreamRequest"] {
  const pairs = headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] ?? ""] as const] : []));
  return { method, path, authority, headers: pairs };
}
