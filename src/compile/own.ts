// What only one proxy needs: the listeners of its own ports, the clusters of the application beside it, the routes of its upstreams.

import { mtlsRuling, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { originKey } from "../model/origin.ts";
import { isHttp } from "../model/protocol.ts";
import type { ProxyScope } from "../model/proxy-scope.ts";
import { portByNumber, type Service, type ServicePort } from "../model/service.ts";
import type { MeshSettings } from "../model/settings.ts";
import { upstreamHost } from "../model/upstream.ts";
import { type Upstream, type Workload, type WorkloadProxy, workloadKey } from "../model/workload.ts";
import { BLACK_HOLE_CLUSTER } from "../xds/names.ts";
import { encodeResource, type Resource } from "../xds/resource.ts";
import { guardOf } from "./authorization/guard.ts";
import { applicationClusters } from "./cluster-inbound.ts";
import type { ChainContext } from "./connection-manager.ts";
import { ANY_PORT, type PassThrough, passThroughOf, type ServedPort, servedPorts } from "./inbound-ports.ts";
import { virtualOutbound } from "./listener-capture.ts";
import {
  applicationListener,
  boundListener,
  capturedListener,
  knownServerNames,
  meshListener,
} from "./listener-inbound.ts";
import { upstreamRouteName } from "./listener-names.ts";
import { forwardProxyListeners, type OutboundTarget, upstreamListener } from "./listener-outbound.ts";
import type { Memo } from "./memo.ts";
import { outsideOf, serverFirstPorts } from "./outside.ts";
import { settingsWith } from "./own-http.ts";
import { mayBeHttp } from "./protocol.ts";
import { type Compiled, type Source, wholeObject } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import { serviceRoutes } from "./route-configuration.ts";
import { type StreamSettings, streamRoute } from "./stream-route.ts";
import { clientTelemetryKey } from "./telemetry.ts";
import { anyOtherHost } from "./virtual-host.ts";
import { compileServiceRoutes, planVirtualHost } from "./virtual-host-plan.ts";
import type { View } from "./visibility.ts";

export interface OwnResources {
  readonly lds: readonly Compiled[];
  readonly cds: readonly Compiled[];
  readonly rds: readonly Compiled[];
  /** Server names that the mesh port's listener knows. */
  readonly serverNames: ReadonlySet<string>;
}

export interface OwnContext {
  /** As the workload's scope leaves it. */
  readonly mesh: Mesh;
  readonly whole: Mesh;
  readonly memo: Memo;
  /** Of what depends on routing alone. */
  readonly routing: Memo;
  /** The workload's; undefined: it has none. */
  readonly scope: ProxyScope | undefined;
}

interface OwnUpstream {
  readonly upstream: Upstream;
  readonly target: OutboundTarget;
  readonly sources: readonly Source[];
}

export function compileOwn(
  { mesh, whole, memo, routing, scope }: OwnContext,
  workload: Workload,
  proxy: WorkloadProxy,
  view: View,
): OwnResources {
  const ports = servedPorts(mesh, workload, proxy, scope);
  const upstreams = proxy.upstreams.map((upstream) => ownUpstream({ mesh, whole }, routing, view, workload, upstream));
  const passThrough = passThroughOf(mesh, workload, ports);
  const settings = settingsWith(mesh.settings, proxy.http);
  const { telemetry } = view;
  const targets = upstreams.map(({ upstream, target, sources }) => ({ upstream, target, sources }));
  const guard = guardOf(mesh, workload);
  const serverFirst = serverFirstPorts(whole);
  const rulings = rulingsOf(mesh, workload, [ANY_PORT, ...passThrough.otherwise, ...ports.map(({ number }) => number)]);
  const inputs = [
    serverFirst,
    proxy,
    workload.origin,
    ports,
    targets,
    passThrough,
    guard,
    rulings,
    telemetry,
    settings,
  ];
  const listeners = memo.get(`own/${workloadKey(workload)}`, inputs, () => {
    const own = wholeObject(workload.origin);
    const chain: ChainContext = { settings, features: featuresOf(proxy.kind), direction: "outbound", telemetry };
    const told = telemetry?.origins.map(wholeObject) ?? [];
    const guarded = guard ? guard.origins.map(wholeObject) : [];
    const serving = [own, ...servicesOf(ports), ...scopeSources(scope), ...rulings, ...guarded, ...told];
    return {
      lds: [
        ...inboundListeners(memo, settings, proxy, ports, { guard, telemetry }, passThrough).map((resource) =>
          from(serving, resource),
        ),
        ...outboundListeners(memo, chain, proxy, serverFirst).map((resource) => from([own, ...told], resource)),
        ...upstreams.map(({ upstream, target, sources }) =>
          from([own, ...sources, ...told], encodeResource("lds", upstreamListener(chain, upstream, target))),
        ),
      ],
      serverNames: knownServerNames(ports),
    };
  });
  return {
    ...listeners,
    cds: ports.flatMap((port) => compileApplication(memo, port, workload, scope, settings)),
    rds: distinct(upstreams.flatMap(({ routes }) => routes ?? [])),
  };
}

function from(sources: readonly Source[], resource: Resource): Compiled {
  return { resource, sources };
}

/** Of what it says about the ways in. */
function scopeSources(scope: ProxyScope | undefined): readonly Source[] {
  return scope && (scope.ingress.length > 0 || scope.connectionPool) ? [wholeObject(scope.origin)] : [];
}

function servicesOf(ports: readonly ServedPort[]): readonly Source[] {
  return [...new Set(ports.flatMap(({ service }) => service?.origin ?? []))].map(wholeObject);
}

/** The policies that say which connections the ports take. */
function rulingsOf(mesh: Mesh, workload: Workload, numbers: readonly number[]): readonly Source[] {
  const policies = numbers.flatMap((number) => mtlsRuling(mesh, workload, number).policy ?? []);
  return [...new Set(policies)].map(({ origin }) => wholeObject(origin));
}

/** Replicas have equal listeners: encoded once for all of them. */
function inboundListeners(
  memo: Memo,
  settings: MeshSettings,
  proxy: WorkloadProxy,
  ports: readonly ServedPort[],
  { guard, telemetry }: Pick<ChainContext, "guard" | "telemetry">,
  passThrough: PassThrough,
): readonly Resource[] {
  const { kind, bindAddress, meshPort, capture } = proxy;
  const served = ports.map(
    ({ number, standIn, boundTo, service }) => `${number}=${standIn}/${boundTo}@${service?.namespace}/${service?.host}`,
  );
  const policies = [...(guard?.origins ?? []), ...(telemetry?.origins ?? [])].map(originKey);
  const own = ports.some((port) => port.own) ? JSON.stringify(ports.map((port) => port.own)) : "";
  const key = [
    "inbound",
    kind,
    bindAddress,
    meshPort,
    capture?.inboundPort,
    own,
    settings.outboundPolicy,
    proxy.http && JSON.stringify(proxy.http),
    ...served,
    ...policies,
  ].join("|");
  return memo.get(key, [ports, guard, telemetry, passThrough, settings], () => {
    const context: ChainContext = { settings, features: featuresOf(kind), direction: "inbound", guard, telemetry };
    const mesh = meshListener(context, proxy, ports);
    const own = capture
      ? [capturedListener(context, capture.inboundPort, ports, passThrough)]
      : ports.flatMap((port) =>
          port.standIn === undefined ? [] : [applicationListener(context, proxy, port, port.standIn)],
        );
    const bound = ports.flatMap((port) =>
      port.boundTo === undefined ? [] : [boundListener(context, port, port.boundTo)],
    );
    return [...(mesh ? [mesh] : []), ...own, ...bound].map((message) => encodeResource("lds", message));
  });
}

function outboundListeners(
  memo: Memo,
  context: ChainContext,
  { kind, forwardProxyPort, capture, http }: WorkloadProxy,
  serverFirst: readonly number[],
): readonly Resource[] {
  const { settings, telemetry } = context;
  const own = http ? JSON.stringify(http) : "";
  const told = telemetry ? clientTelemetryKey(telemetry) : "";
  const outside = JSON.stringify(outsideOf(settings));
  const key = `outbound/${kind}/${forwardProxyPort}/${capture?.outboundPort}/${outside}/${told}/${own}`;
  return memo.get(key, [settings, telemetry, serverFirst], () =>
    [
      ...(forwardProxyPort === undefined ? [] : forwardProxyListeners(context, forwardProxyPort)),
      ...(capture ? [virtualOutbound(context, capture.outboundPort, serverFirst)] : []),
    ].map((message) => encodeResource("lds", message)),
  );
}

/** Replicas have equal clusters: one resource for all of them. */
function compileApplication(
  memo: Memo,
  port: ServedPort,
  workload: Workload,
  scope: ProxyScope | undefined,
  { clusterStatNames: { inbound: pattern }, proxyHeaders: { preservesCase }, defaults }: MeshSettings,
): readonly Compiled[] {
  const { number, protocol, service, own } = port;
  const sources = [wholeObject(service?.origin ?? workload.origin), ...(own ? scopeSources(scope) : [])];
  const by = own && scope ? originKey(scope.origin) : "";
  const at = own?.endpoint ? JSON.stringify(own.endpoint) : "";
  const words = preservesCase ? "/case" : "";
  const key = `application/${number}/${protocol}/${service?.namespace}/${service?.host}/${by}/${at}${words}`;
  const bufferBytes = defaults.client.connectionPool?.bufferBytes;
  return memo.get(key, [service, own, sources, pattern, bufferBytes], () =>
    applicationClusters(port, { pattern, preservesCase, bufferBytes }).map((cluster) =>
      from(sources, encodeResource("cds", cluster)),
    ),
  );
}

function ownUpstream(
  { mesh, whole }: Pick<OwnContext, "mesh" | "whole">,
  memo: Memo,
  view: View,
  workload: Workload,
  upstream: Upstream,
): OwnUpstream & { readonly routes: Compiled | undefined } {
  const { servicePort } = upstream;
  const host = upstreamHost(whole, upstream, view.namespace);
  const known = serviceFor(mesh, host, view.namespace);
  if (!known && view.scope && serviceFor(whole, host, view.namespace))
    return hiddenUpstream(memo, { ...upstream, host }, view.scope);
  const service = known ?? unknownService({ ...upstream, host }, workload);
  const port = portByNumber(service, servicePort) ?? unknownPort(servicePort);
  const name = upstreamRouteName(host, servicePort);
  const names = { name, domains: ["*"] };
  const routes = mayBeHttp(port.protocol)
    ? compileServiceRoutes(memo, planVirtualHost(mesh, view, "upstream", service, port, names))
    : undefined;
  const { clusters, settings, sources } = streamRoute(mesh, service, port, view);
  const target = { host, port: servicePort, protocol: port.protocol, stream: { clusters, settings }, routes: name };
  return { upstream, target, routes, sources: isHttp(port.protocol) ? [] : sources };
}

/** Its host is not for the workload to call. A route to its cluster would keep that alive for as long as it stands. */
function hiddenUpstream(
  memo: Memo,
  upstream: Upstream,
  { origin }: ProxyScope,
): OwnUpstream & { readonly routes: Compiled } {
  const { host, servicePort } = upstream;
  const name = upstreamRouteName(host, servicePort);
  const sources = [wholeObject(origin)];
  const routes = memo.get(`rds/${name}/hidden`, [sources], () => {
    const nobody = anyOtherHost("port", { policy: "registry-only", via: undefined });
    return { resource: encodeResource("rds", serviceRoutes(name, nobody)), sources };
  });
  const stream = { clusters: [{ name: BLACK_HOLE_CLUSTER, weight: 1 }], settings: NO_STREAM_SETTINGS };
  const target = { host, port: servicePort, protocol: "undeclared", stream, routes: name } as const;
  return { upstream, target, routes, sources };
}

const NO_STREAM_SETTINGS: StreamSettings = {
  hashSourceAddress: false,
  idleTimeoutMs: undefined,
  maxDurationMs: undefined,
  tunnel: undefined,
  mayMeetIstio: false,
};

/** An upstream may be configured before its service exists: its requests are answered 503, flag NC, until it does. */
function unknownService({ host }: Upstream, { origin, namespace }: Workload): Service {
  const common = { host, namespace, name: host, addresses: [], ports: [], createdAt: 0, origin };
  return { ...common, location: "mesh", resolution: "endpoints", visibility: { kind: "nobody" } };
}

function unknownPort(number: number): ServicePort {
  return { number, name: "", protocol: "http" };
}

function distinct(members: readonly Compiled[]): readonly Compiled[] {
  return [...new Map(members.map((member) => [member.resource.name, member])).values()];
}
