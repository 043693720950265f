// What telemetry and the dashboard want to know of the control plane, out of its newest compilation and its connected proxies.

import type { Acknowledgement, ObjectConditions, ProxyConfig, ProxyConfiguration, TypeState } from "../admin/api.ts";
import type {
  ConfigurationKind,
  ConfiguredSplit,
  ControlSource,
  MeshInfo,
  ProxyInfo,
  ServiceInfo,
} from "../admin/sources.ts";
import type { Discovery } from "../control/discovery.ts";
import type { Compilation } from "../control/pipeline.ts";
import type { ProxyStream } from "../control/proxy-stream.ts";
import type { ObjectStatus } from "../control/status/object-status.ts";
import { subsetByName } from "../model/client-policy.ts";
import { identityText } from "../model/identity.ts";
import { clientPolicyFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { HttpRoute } from "../model/route.ts";
import type { MeshSettings } from "../model/settings.ts";
import { type Workload, type WorkloadKey, workloadKey } from "../model/workload.ts";
import { parseCertificate } from "../pki/certificate.ts";
import type { ScrapeTarget, ScrapeTargets } from "../telemetry/target.ts";
import type { Node } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { SEND_ORDER } from "../xds/type-urls.ts";
import { digestOf } from "./object-digest.ts";

export interface ControlViewOptions {
  readonly version: string;
  /** Its own name. */
  readonly controlPlane: string;
  readonly startedAtMs: number;
  readonly settings: MeshSettings;
  readonly rootExpiresAtMs: number | undefined;
}

/** A proxy that is starting has acknowledged nothing of what may be tens of thousands. */
const MAX_UNACKNOWLEDGED = 100;

export class ControlView implements ControlSource, ScrapeTargets {
  readonly #options: ControlViewOptions;
  #compilation: Compilation | undefined;
  discovery: Discovery | undefined;
  objectStatus: ObjectStatus | undefined;
  /** Since when each proxy is in the state that it is in. */
  readonly #since = new Map<WorkloadKey, { readonly state: ProxyConfig["state"]; readonly since: number }>();
  /** What each proxy said last, which stays when it is gone. */
  readonly #versions = new Map<WorkloadKey, string>();

  constructor(options: ControlViewOptions) {
    this.#options = options;
  }

  update(compilation: Compilation): void {
    this.#compilation = compilation;
    const known = new Set(this.#workloads.map(workloadKey));
    for (const memory of [this.#since, this.#versions])
      for (const key of memory.keys()) if (!known.has(key)) memory.delete(key);
  }

  onConnected(workload: WorkloadKey, node: Node): void {
    const version = proxyVersion(node);
    if (version !== undefined) this.#versions.set(workload, version);
  }

  get #workloads(): readonly Workload[] {
    return (this.#compilation?.mesh.workloads ?? []).filter(({ proxy }) => proxy !== undefined);
  }

  mesh(): MeshInfo {
    const { version, controlPlane, startedAtMs, settings, rootExpiresAtMs } = this.#options;
    const findings = [
      ...(this.#compilation?.findings ?? []),
      ...[...(this.#compilation?.verdicts.values() ?? [])].flatMap(({ diagnostics }) => diagnostics),
    ];
    const count = (severity: string) => findings.filter((finding) => finding.severity === severity).length;
    return {
      name: settings.name,
      trustDomain: settings.trustDomain,
      version,
      controlPlane,
      startedAtMs,
      rootExpiresAtMs,
      errors: count("error"),
      warnings: count("warning"),
    };
  }

  services(): readonly ServiceInfo[] {
    return (this.#compilation?.mesh.services ?? []).map(({ host, namespace, name }) => ({ host, namespace, name }));
  }

  /** Proxies to scrape: where the Pod's `prometheus.io` annotations say. */
  list(): readonly ScrapeTarget[] {
    return this.#workloads.flatMap((workload) => {
      const annotations = this.#annotations(workload);
      const port = Number(annotations["prometheus.io/port"]);
      const address = workload.addresses[0];
      if (annotations["prometheus.io/scrape"] !== "true" || !Number.isInteger(port) || address === undefined) return [];
      const host = address.includes(":") ? `[${address}]` : address;
      return [
        {
          id: workloadKey(workload),
          namespace: workload.namespace,
          workload: workload.workloadName,
          url: `http://${host}:${port}${annotations["prometheus.io/path"] ?? "/metrics"}`,
        },
      ];
    });
  }

  #annotations({ origin }: Workload): Readonly<Record<string, string>> {
    for (const { object } of this.#compilation?.verdicts.values() ?? []) {
      const { kind, namespace, name } = object.origin;
      if (kind === origin.kind && namespace === origin.namespace && name === origin.name) return object.annotations;
    }
    return {};
  }

  #streamOf(key: string): ProxyStream | undefined {
    for (const stream of this.discovery?.streams ?? [])
      if (stream.workload && workloadKey(stream.workload) === key) return stream;
    return undefined;
  }

  /** Of streams of one proxy the first. */
  get #streams(): ReadonlyMap<WorkloadKey, ProxyStream> {
    const streams = new Map<WorkloadKey, ProxyStream>();
    for (const stream of this.discovery?.streams ?? []) {
      const key = stream.workload && workloadKey(stream.workload);
      if (key !== undefined && !streams.has(key)) streams.set(key, stream);
    }
    return streams;
  }

  proxies(): readonly ProxyInfo[] {
    const streams = this.#streams;
    return this.#workloads.map((workload) => {
      const id = workloadKey(workload);
      const stream = streams.get(id);
      return {
        id,
        cluster: workload.cluster,
        namespace: workload.namespace,
        name: workload.name,
        workload: workload.workloadName,
        app: workload.canonicalName,
        version: workload.canonicalRevision,
        kind: workload.proxy!.kind,
        proxyVersion: this.#versions.get(id) ?? "unknown",
        address: workload.addresses[0] ?? "",
        config: this.#config(id, stream),
        types: typesOf(stream),
        certificate: certificateOf(workload, stream),
        cost: stream && { ...stream.cost, connections: this.discovery?.connectionsOf(id) ?? 0 },
      };
    });
  }

  acknowledgement(id: string): Acknowledgement | undefined {
    if (!this.#workloads.some((workload) => workloadKey(workload) === id)) return undefined;
    const stream = this.#streamOf(id);
    const all = [...(stream?.unacknowledged ?? [])];
    const resources = all.slice(0, MAX_UNACKNOWLEDGED);
    return { connected: stream !== undefined, resources, more: all.length - resources.length };
  }

  configuration(id: string, kind: ConfigurationKind): ProxyConfiguration | undefined {
    if (!this.#workloads.some((workload) => workloadKey(workload) === id)) return undefined;
    const stream = this.#streamOf(id);
    const resources = [...(stream?.asked(kind) ?? [])].map(({ name, version, bytes }) => ({
      name,
      version,
      bytes: Buffer.from(bytes).toString("base64"),
    }));
    return { connected: stream !== undefined, resources };
  }

  conditions(): readonly ObjectConditions[] {
    return [...(this.objectStatus?.inForce() ?? [])].map(({ origin, value, conditions }) => ({
      ...origin,
      digest: digestOf(value),
      conditions: conditions.map(({ type, status, reason, message }) => ({ type, status, reason, message })),
    }));
  }

  #config(id: WorkloadKey, stream: ProxyStream | undefined): ProxyConfig {
    const refused = stream?.status.find(({ refusals }) => refusals.length > 0);
    const state: ProxyConfig["state"] = !stream
      ? "disconnected"
      : refused
        ? "rejected"
        : stream.status.length > 0 && stream.status.every(({ synced }) => synced)
          ? "synced"
          : "pending";
    const known = this.#since.get(id);
    const since = known?.state === state ? known.since : Date.now();
    this.#since.set(id, { state, since });
    if (state === "synced") return { state };
    if (state === "rejected")
      return {
        state,
        since,
        type: refused?.kind ?? "",
        message: stream?.lastRefusal ?? refused?.refusals[0]?.reason ?? "",
      };
    return { state, since };
  }

  splits(): readonly ConfiguredSplit[] {
    const mesh = this.#compilation?.mesh;
    return mesh ? mesh.routes.flatMap((route) => (route.kind === "http" ? splitsOf(mesh, route) : [])) : [];
  }
}

function typesOf(stream: ProxyStream | undefined): Readonly<Record<string, TypeState>> {
  if (!stream) return {};
  const known = new Map(stream.status.map((status) => [status.kind, status]));
  return Object.fromEntries(
    SEND_ORDER.map((kind): [string, TypeState] => {
      const status = known.get(kind);
      if (!status) return [kind, "IGNORED"];
      if (status.refusals.length > 0) return [kind, "ERROR"];
      if (!status.synced) return [kind, "STALE"];
      return [kind, status.held > 0 ? "SYNCED" : "NOT SENT"];
    }),
  );
}

function proxyVersion({ userAgentVersionType: version }: Node): string | undefined {
  if (version.case === "userAgentVersion") return version.value;
  if (version.case !== "userAgentBuildVersion") return undefined;
  const { majorNumber = 0, minorNumber = 0, patch = 0 } = version.value.version ?? {};
  return `${majorNumber}.${minorNumber}.${patch}`;
}

function certificateOf(workload: Workload, stream: ProxyStream | undefined): ProxyInfo["certificate"] {
  const der = stream?.certificate;
  const parsed = der && parseCertificate(der);
  return parsed?.kind === "parsed"
    ? { spiffeId: identityText(workload.identity), expiresAtMs: parsed.value.notAfterMs }
    : undefined;
}

/** Rules that divide requests among several destinations. */
function splitsOf(mesh: Mesh, route: HttpRoute): ConfiguredSplit[] {
  const by = `${route.origin.kind} ${route.origin.namespace}/${route.origin.name}`;
  return route.rules.flatMap(({ action }) => {
    if (action.kind !== "forward" || action.backends.length < 2) return [];
    const destinations = action.backends.map(({ target, weight }) => ({
      host: target.host,
      version: versionOf(mesh, route.origin.namespace, target.host, target.subset),
      weight,
    }));
    return route.hosts.map((host) => ({ host, by, destinations }));
  });
}

function versionOf(mesh: Mesh, namespace: string, host: string, subset: string | undefined): string {
  const service = mesh.index.servicesByHost.get(host)?.[0];
  const policy = service && clientPolicyFor(mesh, service, { namespace, labels: {} });
  const chosen = policy && subset !== undefined ? subsetByName(policy, subset) : undefined;
  return chosen?.labels.version ?? "";
}
