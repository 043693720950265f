// The proxy as an xDS client: configuration by delta ADS, secrets by SDS. Each response becomes tables; what cannot is refused with
// its path and the last good version stays.

import { create, toBinary } from "@bufbuild/protobuf";
import { EXIT, Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { background, type Steps } from "../base/steps.ts";
import { type Connector, LastingStream } from "../grpc/channel.ts";
import type { ClientCall } from "../grpc/client.ts";
import { CLIENT_LIMITS } from "../grpc/client-limits.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import { Http2ClientConnection } from "../http/h2/client-connection.ts";
import { DeltaClient } from "../xds/delta-client.ts";
import type { Bootstrap } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { NodeSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { ApiConfigSource_ApiType } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import { type Rejection, readResponse, type Update } from "../xds/update.ts";
import type { Configuration } from "./configuration.ts";
import { configurationSink, type ResourceSink } from "./resource-sink.ts";
import type { Cluster } from "./upstream/cluster.ts";
import { NO_PREFERENCE } from "./upstream/load-balancer-context.ts";

const log = logger("proxy");

const ADS_PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const SDS_PATH = "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets";
/** What a turn of the event loop reads at most: requests share it, and half of it opens again at a time. */
const WINDOW_BYTES = 256 * 1024;
/** The secrets of a workload, in the names that Istio and SPIRE give them. */
const WORKLOAD_SECRETS: ReadonlySet<string> = new Set(["default", "ROOTCA"]);

export interface Subscription {
  /** True once the first listeners and clusters have come, or at once when the bootstrap names no control plane. */
  isComplete(): boolean;
  /** What is wanted has changed by itself, without a response. */
  refresh(): void;
  close(): void;
}

/** Connections to a cluster of the bootstrap, as Envoy's gRPC client makes them: balanced, with the cluster's TLS. */
function connectorTo(cluster: Cluster): Connector {
  return (onClosed) =>
    new Promise((resolve, reject) => {
      const host = cluster.choose(NO_PREFERENCE);
      if (!host) {
        reject(new Error(`cluster ${cluster.table.name} has no endpoint`));
        return;
      }
      cluster.dialHttp2(host, {
        onConnected: (stream) => {
          const connection = new Http2ClientConnection(
            stream,
            {
              onAvailable() {},
              onDraining() {},
              onClosed() {
                host.stats.activeConnections--;
                onClosed();
              },
            },
            {
              ...CLIENT_LIMITS,
              streamWindowBytes: WINDOW_BYTES,
              keepaliveIntervalMs: cluster.table.keepaliveIntervalMs,
              keepaliveTimeoutMs: cluster.table.keepaliveTimeoutMs,
            },
          );
          stream.listener = connection;
          host.stats.connections++;
          host.stats.activeConnections++;
          resolve(connection);
        },
        onConnectFailure(detail) {
          host.stats.connectFailures++;
          reject(new Error(detail));
        },
      });
    });
}

/** One delta session over streams that come and go. */
class Session {
  readonly #client: DeltaClient;
  readonly #sink: ResourceSink;
  readonly #stream: LastingStream;
  readonly #name: string;
  readonly #follow: (client: DeltaClient) => void;
  readonly received = new Set<ResourceKind>();
  #call: ClientCall | undefined;
  #opened = false;
  /** Messages that wait for the one that is being applied. */
  readonly #held: Buffer[] = [];
  #work: Steps<void> | undefined;

  /** `follow` says what is wanted, given what is in force; asked after every update. */
  constructor(
    name: string,
    cluster: Cluster,
    path: string,
    bootstrap: Bootstrap,
    sink: ResourceSink,
    follow: (client: DeltaClient) => void,
  ) {
    this.#name = name;
    this.#sink = sink;
    this.#follow = follow;
    this.#client = new DeltaClient(bootstrap.node ?? create(NodeSchema));
    follow(this.#client);
    this.#stream = new LastingStream(
      connectorTo(cluster),
      path,
      { authority: cluster.table.name },
      {
        onOpen: (call) => {
          this.#call = call;
          this.#client.opened();
          this.#send();
        },
        onMessage: (message) => this.#receive(message),
        onWritable: () => this.#send(),
        onLost: (status) => this.#lost(status),
      },
    );
  }

  /** Nothing is asked before this. Calling it again changes nothing. */
  open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#stream.open();
  }

  refresh(): void {
    this.#follow(this.#client);
    this.#send();
  }

  /** One message after the other, in the order in which they came; what comes while one is being applied waits. */
  #receive(message: Buffer): void {
    this.#held.push(message);
    if (this.#work) {
      this.#call?.pause(); // the server is held back by flow control: what waits here is bounded
      return;
    }
    this.#work = this.#applyHeld();
    background.start(this.#work);
  }

  *#applyHeld(): Steps<void> {
    for (let message = this.#held.shift(); message; message = this.#held.shift()) yield* this.#apply(message);
    this.#work = undefined;
    this.#call?.resume();
  }

  *#apply(message: Buffer): Steps<void> {
    const call = this.#call;
    const response = yield* this.#read(message);
    // A stream that was lost meanwhile: the next one begins with what is in force, and the server sends this again.
    if (!response || call !== this.#call) return;
    const update = this.#client.receive(response);
    if (!update) return;
    log.debug("resources received", {
      stream: this.#name,
      type: update.kind,
      changed: update.resources.map(({ name }) => name),
      removed: update.removed,
    });
    yield* this.#sink.apply(update, response, (rejections) => this.#applied(update, rejections));
  }

  #applied(update: Update, rejections: readonly Rejection[]): void {
    for (const { name, path, reason } of rejections)
      log.warn("resource refused", { stream: this.#name, type: update.kind, name, path, reason });
    this.#follow(this.#client);
    this.#client.answer(update, rejections);
    this.received.add(update.kind);
    this.#send();
  }

  /** What is no response at all ends the stream, as for Envoy's gRPC client. */
  *#read(message: Buffer): Steps<DeltaDiscoveryResponse | undefined> {
    const call = this.#call;
    try {
      return yield* readResponse(message);
    } catch (error) {
      log.warn("response cannot be read", {
        stream: this.#name,
        error: error instanceof Error ? error : String(error),
      });
      call?.cancel();
      return undefined;
    }
  }

  #send(): void {
    for (let request = this.#client.next(); request; request = this.#client.next())
      this.#call?.send(toBinary(DeltaDiscoveryRequestSchema, request));
  }

  #lost({ code, message }: GrpcStatus): void {
    if (this.#call) log.info("stream to the control plane lost", { stream: this.#name, code, message });
    this.#call = undefined;
    this.#held.length = 0;
  }

  close(): void {
    this.#held.length = 0;
    this.#work?.return();
    this.#stream.close();
  }
}

function clusterOf(configuration: Configuration, name: string, field: string): Cluster {
  const cluster = configuration.clusters.get(name);
  if (!cluster)
    throw new Failure(
      `bootstrap: ${field} names cluster ${JSON.stringify(name)}, which static_resources does not have`,
      { exit: EXIT.data },
    );
  return cluster;
}

/** The workload's, and those that clusters of the bootstrap name: the roots by which the control plane is known may be others. */
function wantedSecrets({ clusters, secrets }: Configuration): ReadonlySet<string> {
  const named = [...clusters.values()].flatMap(({ table: { socket } }) =>
    socket.kind === "tls" && socket.roots !== undefined && !secrets.has(socket.roots) ? [socket.roots] : [],
  );
  return new Set([...WORKLOAD_SECRETS, ...named]);
}

function hasSecrets({ secrets }: Configuration, wanted: ReadonlySet<string>): boolean {
  for (const name of wanted) if (!secrets.has(name)) return false;
  return true;
}

/** Every static cluster's secrets come from one SDS server: the agent. */
function secretsCluster(bootstrap: Bootstrap): string | undefined {
  return bootstrap.staticResources?.clusters.find(({ name }) => name === "sds-grpc")?.name;
}

/**
 * Begins the streams that the bootstrap names, over clusters of `configuration`.
 * @throws Failure when it names a cluster that is not there or a protocol other than delta.
 */
export function subscribe(
  bootstrap: Bootstrap,
  configuration: Configuration,
  sink: ResourceSink = configurationSink(configuration),
): Subscription {
  const sessions: Session[] = [];
  let discovery: Session | undefined;
  const secrets = secretsCluster(bootstrap);
  if (secrets !== undefined) {
    const cluster = clusterOf(configuration, secrets, "sds_config");
    const wanted = wantedSecrets(configuration);
    const session = new Session("sds", cluster, SDS_PATH, bootstrap, sink, (client) => {
      client.want("sds", wanted);
      // The control plane asks who we are: not before we have something to show.
      if (hasSecrets(configuration, wanted)) discovery?.open();
    });
    sessions.push(session);
  }
  const ads = bootstrap.dynamicResources?.adsConfig;
  if (ads) {
    if (ads.apiType !== ApiConfigSource_ApiType.DELTA_GRPC)
      throw new Failure("bootstrap: dynamic_resources.ads_config.api_type: Heddle's proxy speaks DELTA_GRPC", {
        exit: EXIT.data,
      });
    const target = ads.grpcServices[0]?.targetSpecifier;
    const name = target?.case === "envoyGrpc" ? target.value.clusterName : "";
    discovery = new Session(
      "ads",
      clusterOf(configuration, name, "dynamic_resources.ads_config"),
      ADS_PATH,
      bootstrap,
      sink,
      (client) => {
        client.wantAll("cds");
        client.wantAll("lds");
        client.wantAll("vhds"); // as Envoy: those of the route configurations that are wanted
        const { wanted } = sink;
        sink.keep(wanted);
        client.want("eds", wanted.endpoints);
        client.want("sds", wanted.secrets);
        client.want("rds", wanted.routes);
      },
    );
    sessions.push(discovery);
    if (secrets === undefined) discovery.open();
  }
  for (const session of sessions) if (session !== discovery) session.open();
  return {
    isComplete: () => !discovery || (discovery.received.has("lds") && discovery.received.has("cds")),
    refresh() {
      for (const session of sessions) session.refresh();
    },
    close() {
      for (const session of sessions) session.close();
    },
  };
}
