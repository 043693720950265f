// What only one proxy needs: the listeners of its own ports, the clusters of the application beside it, the routes of its upstreams.

import { mtlsMode, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { isHttp } from "../model/protocol.ts";
import { portByNumber, type Service, type ServicePort } from "../model/service.ts";
import { type Upstream, type Workload, type WorkloadProxy, workloadKey } from "../model/workload.ts";
import type { Cluster } from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ResourceKind, ResourceMessage } from "../xds/type-urls.ts";
import { applicationClusters } from "./cluster-inbound.ts";
import type { ChainContext } from "./connection-manager.ts";
import { type ServedPort, servedPorts } from "./inbound-ports.ts";
import { virtualOutbound } from "./listener-capture.ts";
import { applicationListener, capturedListener, knownServerNames, meshListener } from "./listener-inbound.ts";
import { upstreamRouteName } from "./listener-names.ts";
import { forwardProxyListeners, type OutboundTarget, upstreamListener } from "./listener-outbound.ts";
import type { Memo } from "./memo.ts";
import { type Compiled, type Source, wholeObject } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import { streamRoute } from "./stream-route.ts";
import { compileServiceRoutes, planVirtualHost } from "./virtual-host-plan.ts";
import type { View } from "./visibility.ts";

export interface OwnResources {
  readonly lds: readonly Compiled[];
  readonly cds: readonly Compiled[];
  readonly rds: readonly Compiled[];
  /** Server names that the mesh port's listener knows. */
  readonly serverNames: ReadonlySet<string>;
}

interface OwnUpstream {
  readonly upstream: Upstream;
  readonly target: OutboundTarget;
  readonly sources: readonly Source[];
}

export function compileOwn(mesh: Mesh, memo: Memo, workload: Workload, proxy: WorkloadProxy, view: View): OwnResources {
  const ports = servedPorts(mesh, workload, proxy);
  const upstreams = proxy.upstreams.map((upstream) => ownUpstream(mesh, memo, view, workload, upstream));
  const refusesUnknown = mtlsMode(mesh, workload, 0) === "strict"; // 0: no port's own mode
  const { settings } = mesh;
  const targets = upstreams.map(({ upstream, target, sources }) => ({ upstream, target, sources }));
  const inputs = [proxy, workload.origin, ports, targets, refusesUnknown, settings];
  const listeners = memo.get(`own/${workloadKey(workload)}`, inputs, () => {
    const chain = { settings, features: featuresOf(proxy.kind) };
    const own = wholeObject(workload.origin);
    return {
      lds: [
        ...inboundListeners({ ...chain, direction: "inbound" }, proxy, ports, !refusesUnknown).map((message) =>
          compiled("lds", message, [own, ...servicesOf(ports)]),
        ),
        ...outboundListeners({ ...chain, direction: "outbound" }, proxy).map((message) =>
          compiled("lds", message, [own]),
        ),
        ...upstreams.map(({ upstream, target, sources }) =>
          compiled("lds", upstreamListener({ ...chain, direction: "outbound" }, upstream, target), [own, ...sources]),
        ),
      ],
      serverNames: knownServerNames(ports),
    };
  });
  return {
    ...listeners,
    cds: ports.flatMap((port) => compileApplication(memo, port, workload)),
    rds: distinct(upstreams.map(({ routes }) => routes)),
  };
}

function compiled<Kind extends ResourceKind>(
  kind: Kind,
  message: ResourceMessage<Kind>,
  sources: readonly Source[],
): Compiled {
  return { resource: encodeResource(kind, message), sources };
}

function servicesOf(ports: readonly ServedPort[]): readonly Source[] {
  return [...new Set(ports.flatMap(({ service }) => service?.origin ?? []))].map(wholeObject);
}

/** `passthrough`: captured connections to ports that no service has are let in. */
function inboundListeners(
  chain: ChainContext,
  proxy: WorkloadProxy,
  ports: readonly ServedPort[],
  passthrough: boolean,
): readonly Listener[] {
  const mesh = meshListener(chain, proxy, ports);
  const own = proxy.capture
    ? [capturedListener(chain, proxy.capture.inboundPort, ports, passthrough)]
    : ports.flatMap((port) =>
        port.standIn === undefined ? [] : [applicationListener(chain, proxy, port, port.standIn)],
      );
  return [...(mesh ? [mesh] : []), ...own];
}

function outboundListeners(chain: ChainContext, { forwardProxyPort, capture }: WorkloadProxy): readonly Listener[] {
  return [
    ...(forwardProxyPort === undefined ? [] : forwardProxyListeners(chain, forwardProxyPort)),
    ...(capture ? [virtualOutbound(chain, capture.outboundPort)] : []),
  ];
}

/** Replicas have equal clusters: one resource for all of them. */
function compileApplication(memo: Memo, port: ServedPort, workload: Workload): readonly Compiled[] {
  const { number, protocol, service } = port;
  const source = wholeObject(service?.origin ?? workload.origin);
  return memo.get(`application/${number}/${protocol}/${service?.namespace}/${service?.host}`, [service, source], () =>
    applicationClusters(port).map((cluster: Cluster) => compiled("cds", cluster, [source])),
  );
}

function ownUpstream(
  mesh: Mesh,
  memo: Memo,
  view: View,
  workload: Workload,
  upstream: Upstream,
): OwnUpstream & { readonly routes: Compiled } {
  const { host, servicePort } = upstream;
  const service = serviceFor(mesh, host, view.namespace) ?? unknownService(upstream, workload);
  const port = portByNumber(service, servicePort) ?? unknownPort(servicePort);
  const name = upstreamRouteName(host, servicePort);
  const routes = compileServiceRoutes(
    memo,
    planVirtualHost(mesh, view, "upstream", service, port, { name, domains: ["*"] }),
  );
  const stream = streamRoute(mesh, service, port, view);
  const target = { host, port: servicePort, protocol: port.protocol, stream: stream.clusters, routes: name };
  return { upstream, target, routes, sources: isHttp(port.protocol) ? [] : stream.sources };
}

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
