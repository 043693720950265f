// The listeners that captured connections to services need. HTTP shares one listener a port. Other ports go by virtual IP; without one, TLS
// goes by SNI, and bytes by the address of an endpoint (headless.ts), or they leave the mesh as they came.

import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import { isHttp, isTls } from "../model/protocol.ts";
import type { Service, ServicePort } from "../model/service.ts";
import { listenerName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ChainContext } from "./connection-manager.ts";
import { addressListener, type SharedPort, sharedPortListener } from "./listener-capture.ts";
import { addressRouteName } from "./listener-names.ts";
import type { OutboundTarget } from "./listener-outbound.ts";
import type { Memo } from "./memo.ts";
import { type Compiled, type Source, wholeObject } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import { streamRoute } from "./stream-route.ts";
import type { View } from "./visibility.ts";

/** One listener before it is made. Plain data: the memo compares it. */
type Plan =
  | { readonly kind: "shared"; readonly shared: SharedPort; readonly sources: readonly Source[] }
  | {
      readonly kind: "address";
      readonly address: string;
      readonly target: OutboundTarget;
      readonly sources: readonly Source[];
    };

interface Sharing {
  http: boolean;
  readonly tls: OutboundTarget[];
  readonly sources: Source[];
}

function targetOf(mesh: Mesh, view: View, service: Service, port: ServicePort): OutboundTarget {
  const { host } = service;
  const stream = streamRoute(mesh, service, port, view).clusters;
  const routes = addressRouteName(host, port.number);
  return { host, port: port.number, protocol: port.protocol, stream, routes };
}

/** An address and port that two services claim is the first one's. */
function planListeners(mesh: Mesh, view: View, services: readonly Service[]): ReadonlyMap<string, Plan> {
  const shared = new Map<number, Sharing>();
  const plans = new Map<string, Plan>();
  const share = (port: number) => {
    const entry = shared.get(port) ?? { http: false, tls: [], sources: [] };
    shared.set(port, entry);
    return entry;
  };
  for (const service of services) {
    const addresses = service.addresses.filter((address) => !address.includes("/"));
    const source = wholeObject(service.origin);
    for (const port of service.ports) {
      if (port.protocol === "udp") continue;
      if (isHttp(port.protocol)) {
        share(port.number).http = true;
        continue;
      }
      const target = targetOf(mesh, view, service, port);
      if (addresses.length === 0 && isTls(port.protocol)) {
        const entry = share(port.number);
        entry.tls.push(target);
        entry.sources.push(source);
      }
      for (const address of addresses) {
        const name = listenerName({ address, port: port.number });
        if (!plans.has(name)) plans.set(name, { kind: "address", address, target, sources: [source] });
      }
    }
  }
  for (const [port, { http, tls, sources }] of shared) {
    const name = listenerName({ address: "0.0.0.0", port });
    plans.set(name, { kind: "shared", shared: { port, http, tls }, sources });
  }
  return plans;
}

export function capturedListeners(
  mesh: Mesh,
  memo: Memo,
  view: View,
  services: readonly Service[],
): readonly Compiled[] {
  const { settings } = mesh;
  const context: ChainContext = { settings, features: featuresOf(view.proxyKind), direction: "outbound" };
  const plans = [...planListeners(mesh, view, services)].sort(([a], [b]) => compareText(a, b));
  return plans.map(([name, plan]) =>
    memo.get(`lds/${view.key}/${name}`, [plan, settings], () => {
      const listener =
        plan.kind === "shared"
          ? sharedPortListener(context, plan.shared)
          : addressListener(context, plan.address, plan.target.port, plan.target);
      return { resource: encodeResource("lds", listener), sources: plan.sources };
    }),
  );
}
