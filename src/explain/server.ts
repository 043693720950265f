// The server's side: the filter chain of its proxy that takes the request, and what stands before the application.

import { inboundListenerName, MESH_INBOUND } from "../compile/listener-names.ts";
import { wholeObject } from "../compile/provenance.ts";
import { identityText } from "../model/identity.ts";
import { mtlsRuling } from "../model/lookup.ts";
import type { Workload, WorkloadProxy } from "../model/workload.ts";
import type { FilterChain, Listener } from "../table/listener.ts";
import type { RequestFacts } from "../table/request.ts";
import { VIRTUAL_INBOUND } from "../xds/names.ts";
import { Authorization } from "./authorization.ts";
import { type CompiledMesh, tablesOf } from "./compiled-mesh.ts";
import { tellConfiguration } from "./configuration.ts";
import { type Arrival, chainFor, connectionFacts } from "./connection.ts";
import { tellPatches } from "./patches.ts";
import { type Reception, unguarded } from "./reception.ts";
import type { Story } from "./story.ts";
import type { Followed } from "./upstream.ts";

/** What arrives at the server. */
export interface Delivery {
  readonly client: Workload;
  /** That the server's proxy sees at the other end. */
  readonly clientAddress: string;
  /** Undefined: bytes. */
  readonly request: RequestFacts | undefined;
  readonly followed: Followed;
}

interface Door {
  readonly listener: string;
  readonly arrival: Arrival;
}

export function receive(compiled: CompiledMesh, delivery: Delivery, story: Story): Reception {
  const { workload, model } = delivery.followed;
  const proxy = workload?.proxy;
  if (!workload || !model || !proxy) {
    const why = workload ? "no proxy stands beside the server" : "the mesh knows the server by its address alone";
    const decision =
      model?.transport.kind === "istio"
        ? "a sidecar of Istio stands beside the server: what becomes of the request there its own control plane says"
        : `${why}: the request reaches it as it is`;
    story.tell("server filter chain", decision, workload && wholeObject(workload.origin));
    return unguarded(delivery.request);
  }
  const tables = tablesOf(compiled, workload);
  tellConfiguration(compiled, workload, story);
  const door = doorOf(delivery, proxy, model.applicationPort);
  const listener = tables?.listener(door.listener);
  if (!tables || !listener) {
    const decision = `port ${model.port} is the application's own: no listener of its proxy takes it`;
    story.tell("server filter chain", decision, wholeObject(workload.origin));
    return unguarded(delivery.request);
  }
  const { mode, policy } = mtlsRuling(compiled.mesh, workload, model.applicationPort);
  const by = policy && wholeObject(policy.origin);
  const chain = chainFor(listener, door.arrival);
  const isRefused = !chain || (chain.tls !== undefined && !door.arrival.hello);
  if (isRefused) {
    const what = helloText(door.arrival);
    const decision = `${listener.name} does not take ${what} on port ${model.applicationPort}: the mode is ${mode.toUpperCase()}`;
    story.tell("server filter chain", decision, by);
    const refusal = refusalOf(delivery, listener, chain, door.arrival);
    return { kind: "refused", ...refusal, authz: undefined };
  }
  story.tell("server filter chain", `chain ${chain.name} of ${listener.name}, mode ${mode.toUpperCase()}`, by);
  tellPatches(story, tables, "server filter chain", "lds", door.listener);
  const sources = tables.sources("lds", door.listener);
  const authorization = new Authorization(compiled.mesh, workload, sources, compiled.claims, story);
  return authorization.judge(chain, connectionFacts(door.arrival), delivery.request);
}

/** Plaintext that BoringSSL knows for HTTP, and says nothing to (ssl_record.cc, SSL_R_HTTP_REQUEST). */
const KNOWN_AS_HTTP = new Set(["GET", "POST", "HEAD", "PUT"]);

/**
 * What the client's proxy makes of it. A handshake that fails is a connection that did not come about; plaintext is taken, and then the
 * connection is closed. Where TLS is expected without a look at the first bytes, an alert comes before that, which is no HTTP.
 */
function refusalOf(
  { request, followed }: Delivery,
  { inspection }: Listener,
  chain: FilterChain | undefined,
  { hello }: Arrival,
): { readonly status: number | undefined; readonly flags: readonly string[] } {
  if (!request) return { status: undefined, flags: hello ? ["UF"] : [] }; // a stream that the server ends has no flag
  if (hello) return { status: 503, flags: ["UF"] };
  const isAlerted = chain !== undefined && inspection?.tls === undefined;
  const isKnown = followed.protocol === "http1" && KNOWN_AS_HTTP.has(request.method);
  return isAlerted && !isKnown ? { status: 502, flags: ["UPE"] } : { status: 503, flags: ["UC"] };
}

function helloText({ hello }: Arrival): string {
  if (!hello) return "plaintext";
  return `TLS for ${hello.serverName || "no name"} that offers ${hello.protocols.join(", ") || "no HTTP"}`;
}

function doorOf({ client, clientAddress, request, followed }: Delivery, proxy: WorkloadProxy, port: number): Door {
  const { tls, protocol, model } = followed;
  const at = followed.address ?? { host: proxy.bindAddress, port };
  const source = clientAddress;
  if (tls.mode === "mesh") {
    const protocols = request ? [protocol === "http1" ? "http/1.1" : "h2"] : [];
    const arrival: Arrival = {
      source,
      destination: { address: at.host, port: at.port },
      hello: { serverName: tls.sni, protocols },
      speaks: undefined,
      principal: identityText(client.identity),
    };
    return { listener: MESH_INBOUND, arrival };
  }
  const speaks = request && (protocol === "http2" ? "h2c" : "http/1.1");
  const hello = tls.mode === "none" ? undefined : { serverName: tls.sni, protocols: [] };
  const destination = { address: at.host, port: proxy.capture ? (model?.applicationPort ?? port) : at.port };
  return {
    listener: proxy.capture ? VIRTUAL_INBOUND : inboundListenerName(proxy.bindAddress, port),
    arrival: { source, destination, hello, speaks, principal: "" },
  };
}
