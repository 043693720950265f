// The control plane with everything around it: store and API, authority, discovery, telemetry, dashboard. Only here do they meet.

import { hostname } from "node:os";
import { join } from "node:path";
import { embeddedAssets, readAssets } from "../admin/assets.ts";
import { serveAdmin } from "../admin/server.ts";
import type { TelemetrySource } from "../admin/sources.ts";
import { WorkloadIdentity } from "../agent/identity.ts";
import { logger } from "../base/log.ts";
import { Attestor } from "../ca/attest.ts";
import { certificateMethods } from "../ca/grpc.ts";
import { LocalSigner } from "../ca/local-signer.ts";
import { CertificateService, DEFAULT_POLICY } from "../ca/service.ts";
import { AuthorityStore } from "../ca/store.ts";
import { JoinTokens } from "../ca/token.ts";
import { admission } from "../control/admission.ts";
import { ControlPlane } from "../control/control-plane.ts";
import type { DebounceOptions } from "../control/debounce.ts";
import { heldObjects } from "../control/held-objects.ts";
import { DEFAULT_LIVENESS, Liveness } from "../control/liveness.ts";
import { OverruledStatus } from "../control/overruled.ts";
import { type Compilation, DEFAULT_DEBOUNCE } from "../control/pipeline.ts";
import { registrationMethods } from "../control/registration/grpc.ts";
import { DEFAULT_LEASE_MS, Registrar } from "../control/registration/registrar.ts";
import { ApiSource } from "../control/source/api.ts";
import { DirectorySource } from "../control/source/directory.ts";
import type { Source } from "../control/source/source.ts";
import { ObjectStatus } from "../control/status/object-status.ts";
import { type GrpcKeepalive, listenGrpc } from "../grpc/listen.ts";
import { type CallPeer, GrpcService } from "../grpc/server.ts";
import { KubeApi } from "../kube/api/api.ts";
import { serveApi } from "../kube/api/server.ts";
import { KubeClient } from "../kube/client/client.ts";
import { embeddedConnection } from "../kube/client/connection.ts";
import type { ObjectName } from "../kube/object.ts";
import { Store } from "../kube/store/store.ts";
import { buildMesh } from "../model/build.ts";
import { NO_PARTS } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { WorkloadKey } from "../model/workload.ts";
import type { ByteStream } from "../net/byte-stream.ts";
import type { ServerTls } from "../net/tls-acceptor.ts";
import { createTlsContext, type NativeContext } from "../net/tls-context.ts";
import { bundlePem } from "../pki/bundle.ts";
import { peerIdentity } from "../pki/svid.ts";
import { DOCUMENTED_SCHEMAS } from "../reference/documented.ts";
import { Registry } from "../stats/registry.ts";
import { Scraper } from "../telemetry/scrape.ts";
import { TrafficStore } from "../telemetry/traffic-store.ts";
import { countedAdmission } from "./admission-metrics.ts";
import { authorityObserver, collectAuthority } from "./authority-observer.ts";
import { serveMetrics } from "./control-metrics.ts";
import { controlPlaneIdentity } from "./control-plane-identity.ts";
import { ControlView } from "./control-view.ts";

const log = logger("control");

const HANDSHAKE_TIMEOUT_MS = 5_000;
const SCRAPE_INTERVAL_MS = 1_000;
const SCRAPE_TIMEOUT_MS = 900;

export interface ControlPlanePorts {
  /** Embedded Kubernetes API, loopback. */
  readonly api: number;
  /** Discovery, certificates and registration, TLS. */
  readonly secure: number;
  readonly metrics: number;
  readonly dashboard: number;
}

export const DEFAULT_PORTS: ControlPlanePorts = {
  api: 15_030,
  secure: 15_012,
  metrics: 15_014,
  dashboard: 20_001,
};

export interface StartOptions {
  /** Folder of the store and of the authority, 0700. */
  readonly state: string;
  readonly version: string;
  /** Address of the secure port; the others are loopback. */
  readonly host: string;
  readonly ports: ControlPlanePorts;
  /** What holds unless an object says otherwise; the trust domain holds for good. */
  readonly settings: MeshSettings;
  /** Folder of YAML to watch beside the API. */
  readonly config: string | undefined;
  /** Longest and default lifetime of workload certificates. */
  readonly certificateTtlMs: number;
  /** PINGs to proxies and agents; undefined: Istio's. */
  readonly keepalive?: GrpcKeepalive;
  /** How long a route may wait on a proxy for the clusters that it names; undefined: 20 s. */
  readonly patienceMs?: number;
  /** How long changes are waited for that come together; undefined: as long as suits a mesh that people and controllers change. */
  readonly debounce?: DebounceOptions;
  /** How often each proxy's metrics are read; undefined: every second. */
  readonly scrapeIntervalMs?: number;
  /** Folder of the built dashboard; the compiled program has its own. */
  readonly dashboard: string;
  /** Each time that the configuration was read anew. */
  onCompiled(compilation: Compilation): void;
}

export interface RunningControlPlane {
  readonly ports: ControlPlanePorts;
  readonly api: KubeClient;
  /** PEM of the roots that workloads' and its own certificates lead to. */
  readonly roots: string;
  /** Stops serving and closes the store. */
  stop(): Promise<void>;
}

function peerOf(stream: ByteStream): CallPeer {
  const certificate = stream.tls?.peerCertificate;
  const identity = certificate && peerIdentity(certificate);
  const address = `${stream.remote.address}:${stream.remote.port}`;
  return { principal: identity?.kind === "parsed" ? identity.value.uri : "", address, certificate };
}

function podOf(workload: WorkloadKey): ObjectName {
  const [, namespace = "", name = ""] = workload.split("/");
  return { namespace, name };
}

function telemetrySource(traffic: TrafficStore, scraper: Scraper): TelemetrySource {
  return {
    records: () => traffic.edges(),
    targets: () => scraper.status(),
    get truncated() {
      return traffic.full;
    },
  };
}

/** @throws Failure when the state folder, the authority or a port cannot be used; nothing is left running then. */
export async function startControlPlane(options: StartOptions): Promise<RunningControlPlane> {
  const stops: (() => void | Promise<void>)[] = [];
  try {
    return await start(options, stops);
  } catch (thrown) {
    for (const stop of stops.reverse()) await stop();
    throw thrown;
  }
}

async function start(options: StartOptions, stops: (() => void | Promise<void>)[]): Promise<RunningControlPlane> {
  const { state, version, settings, host, ports } = options;
  const { trustDomain } = settings;
  const startedAtMs = Date.now();
  const registry = new Registry();

  // The authority, and who may have certificates of it.
  const authorityStore = new AuthorityStore(join(state, "ca"));
  const { authority } = authorityStore.open(trustDomain, startedAtMs);
  collectAuthority(registry, () => authority);
  const joinTokens = new JoinTokens(authorityStore.joinKey(), () => authority.bundle);
  const certificates = new CertificateService({
    authority: () => authority,
    attestor: new Attestor({ authority: () => authority, joinTokens }),
    policy: {
      defaultTtlMs: Math.min(DEFAULT_POLICY.defaultTtlMs, options.certificateTtlMs),
      maxTtlMs: options.certificateTtlMs,
    },
    observer: authorityObserver(registry),
    now: Date.now,
  });
  let context: NativeContext | undefined;
  const own = new WorkloadIdentity({
    id: controlPlaneIdentity(trustDomain),
    ttlMs: DEFAULT_POLICY.defaultTtlMs,
    signer: new LocalSigner({
      authority: () => authority,
      dnsNames: ["heddle.heddle-system.svc", "localhost"],
      now: Date.now,
    }),
    onIssued: (held) => {
      // The root goes along: an agent that has only the root's fingerprint, from its join token, needs it to prove the chain.
      context = createTlsContext(
        { certificate: held.chain + held.roots, key: held.key.reveal(), roots: bundlePem(authority.bundle) },
        "TLSv1.3",
      );
    },
  });
  await own.start();
  stops.push(() => own.stop());

  // Objects.
  const store = Store.open(join(state, "store.db"));
  stops.push(() => store.close());
  const folder = options.config === undefined ? undefined : new DirectorySource(options.config);
  const overruledBy = (key: string) => (folder?.holds(key) ? folder.name : undefined);
  let inForce = settings;
  let mesh = buildMesh(settings, NO_PARTS);
  const kubeApi = new KubeApi({
    store,
    documentedSchemas: DOCUMENTED_SCHEMAS,
    admit: countedAdmission(
      registry,
      admission(
        () => inForce,
        overruledBy,
        heldObjects(store, () => folder?.objects ?? []),
      ),
    ),
  });
  const client = new KubeClient(embeddedConnection(kubeApi), "heddle");
  const api = serveApi({ api: kubeApi, port: ports.api });
  stops.push(() => api.stop(1_000));

  // Discovery.
  const liveness = new Liveness({ client, ...DEFAULT_LIVENESS });
  const view = new ControlView({
    version,
    controlPlane: hostname(),
    startedAtMs,
    settings,
    rootExpiresAtMs: authority.bundle.roots[0]?.notAfterMs,
  });
  const apiSource: ApiSource = new ApiSource(client, (object) => objectStatus.onWritten(object));
  const overruledStatus = new OverruledStatus(client);
  const objectStatus = new ObjectStatus({
    client,
    held: () => apiSource.held,
    proxies: () => control.discovery.progress(),
  });
  // The folder counts: it was named when this was started, people keep it under version control, and each start reads it anew.
  const sources: Source[] = folder ? [folder, apiSource] : [apiSource];
  const control: ControlPlane = new ControlPlane({
    settings,
    debounce: options.debounce ?? DEFAULT_DEBOUNCE,
    sources,
    patienceMs: options.patienceMs,
    onConnected(workload, node) {
      view.onConnected(workload, node);
      liveness.onAlive(podOf(workload), "proxy");
    },
    registry,
    onDisconnected: (workload) => liveness.onLost(podOf(workload), "proxy"),
    onCompiled(compilation) {
      inForce = compilation.mesh.settings;
      mesh = compilation.mesh;
      view.update(compilation);
      overruledStatus.update(apiSource.held, compilation.overruled);
      objectStatus.onCompiled(compilation);
      options.onCompiled(compilation);
    },
    onProgress: () => objectStatus.touch(),
  });
  view.discovery = control.discovery;
  view.objectStatus = objectStatus;
  await control.start();
  await liveness.start();
  const registrar = new Registrar({
    client: new KubeClient(embeddedConnection(kubeApi), "heddle-run"),
    liveness,
    leaseMs: DEFAULT_LEASE_MS,
    mesh: () => mesh,
  });
  await registrar.start();
  stops.push(() => {
    registrar.stop();
    liveness.stop();
    objectStatus.stop();
    control.stop();
  });

  const tls: ServerTls = {
    context: () => context,
    alpn: ["h2"],
    clientCertificate: "optional",
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    handshakesAtOnce: true,
    onHandshakeFailure: (detail, remote) => log.debug("TLS handshake failed", { remote, detail }),
  };
  const secure = listenGrpc(
    { kind: "tcp", host, port: ports.secure },
    tls,
    new GrpcService({
      ...control.methods,
      ...certificateMethods(certificates),
      ...registrationMethods(registrar, trustDomain),
    }),
    peerOf,
    options.keepalive,
  );
  stops.push(() => secure.stop());

  // What is seen.
  const traffic = new TrafficStore();
  const { scrapeIntervalMs: intervalMs = SCRAPE_INTERVAL_MS } = options;
  const scraper = new Scraper({ targets: view, store: traffic, intervalMs, timeoutMs: SCRAPE_TIMEOUT_MS });
  scraper.start();
  stops.push(() => scraper.stop());
  const assets = (await embeddedAssets()) ?? readAssets(options.dashboard);
  const dashboard = serveAdmin({
    sources: { control: view, telemetry: telemetrySource(traffic, scraper), now: Date.now },
    assets,
    port: ports.dashboard,
  });
  stops.push(() => dashboard.stop());
  const metrics = serveMetrics({ port: ports.metrics, registry, version, control });
  stops.push(() => metrics.stop());

  return {
    ports: {
      api: api.port,
      secure: secure.port,
      metrics: metrics.port,
      dashboard: dashboard.port,
    },
    api: client,
    roots: bundlePem(authority.bundle),
    stop: async () => {
      for (const stop of stops.reverse()) await stop();
    },
  };
}
