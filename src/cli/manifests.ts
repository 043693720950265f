// Objects of files as if they ran: manifests have no status, a Pod without an address is no workload yet, and a Service without one takes
// no bytes.

import { addressedServices, STAND_IN } from "../dialect/kubernetes/service-addresses.ts";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import { labelsMatch, type WorkloadProxy } from "../model/workload.ts";
import { podOfTemplate } from "./compile-target.ts";

type Labels = Readonly<Record<string, string>>;

/** RFC 5737: nobody's. */
const NETWORKS = ["192.0.2", "198.51.100", "203.0.113"];

interface PodValue {
  readonly metadata?: object;
  readonly spec?: { readonly containers?: readonly { readonly args?: readonly unknown[] }[] };
  readonly status?: { readonly podIP?: string };
}

/**
 * A Deployment without Pods has one, by its own name. Beside a Pod that says nothing of a proxy one stands where Istio would inject it, and
 * with `proxy` wherever nobody forbids it; it captures, as one of Istio's does, or is a gateway, where Istio's would be one. A Service has an
 * address, as a cluster gives each one.
 */
export function asRunning(
  objects: readonly SourceObject[],
  proxy?: WorkloadProxy["kind"] | undefined,
): readonly SourceObject[] {
  const pods = objects.filter(isPod);
  const made = objects
    .filter(({ origin }) => origin.group === "apps")
    .flatMap(podOfTemplate)
    .filter(
      ({ origin, labels }) =>
        !pods.some((pod) => pod.origin.namespace === origin.namespace && labelsMatch(labels, pod.labels)),
    );
  const namespaces = new Map(
    objects
      .filter(({ origin }) => origin.group === "" && origin.kind === "Namespace")
      .map(({ origin, labels }) => [origin.name, labels]),
  );
  let count = 0;
  return [...addressedServices(objects, STAND_IN), ...made].map((object) => {
    if (!isPod(object)) return object;
    const runs = Boolean((object.value as PodValue).status?.podIP);
    const kind = proxyBeside(object, runs ? undefined : (namespaces.get(object.origin.namespace) ?? {}), proxy);
    const beside = kind === undefined ? object : withProxy(object, kind);
    return runs ? beside : started(beside, addressOf(count++));
  });
}

function isPod({ origin }: SourceObject): boolean {
  return origin.group === "" && origin.kind === "Pod";
}

const PROXY = "heddle.dev/proxy";
const INJECT = "sidecar.istio.io/inject";

/** Undefined: none, or the one that the Pod speaks of. `namespace`: labels, undefined where nobody asks what would be injected. */
function proxyBeside(
  pod: SourceObject,
  namespace: Labels | undefined,
  proxy: WorkloadProxy["kind"] | undefined,
): WorkloadProxy["kind"] | undefined {
  const { labels, annotations } = pod;
  if (annotations[PROXY] !== undefined) return undefined;
  if (isRouter(pod)) return proxy ?? "heddle";
  const inject = labels[INJECT] ?? annotations[INJECT];
  if (inject === "false") return undefined;
  if (proxy !== undefined) return proxy;
  return namespace && (inject === "true" || isInjected(namespace)) ? "heddle" : undefined;
}

/** Istio's gateway chart has it injected by this template. */
function isGateway(pod: SourceObject): boolean {
  const templates = pod.annotations["inject.istio.io/templates"]?.split(",").map((name) => name.trim()) ?? [];
  return templates.includes("gateway") || isRouter(pod);
}

/** `istioctl install` writes the gateway's container out: `args: [proxy, router, …]`. */
function isRouter({ value }: SourceObject): boolean {
  const { containers = [] } = (value as PodValue).spec ?? {};
  return containers.some(({ args }) => Array.isArray(args) && args[0] === "proxy" && args[1] === "router");
}

function isInjected(namespace: Labels): boolean {
  const said = namespace["istio-injection"];
  return said === "enabled" || (said === undefined && namespace["istio.io/rev"] !== undefined);
}

function withProxy(pod: SourceObject, kind: WorkloadProxy["kind"]): SourceObject {
  const role = isGateway(pod) ? "heddle.dev/gateway" : "heddle.dev/capture";
  const annotations = { ...pod.annotations, [PROXY]: kind, [role]: "true" };
  return changed(pod, { metadata: { ...(pod.value as PodValue).metadata, annotations } });
}

function addressOf(count: number): string {
  const network = NETWORKS[Math.floor(count / 254) % NETWORKS.length];
  return `${network}.${(count % 254) + 1}`;
}

function started(pod: SourceObject, podIP: string): SourceObject {
  return changed(pod, { status: { podIP, conditions: [{ type: "Ready", status: "True" }] } });
}

function changed(pod: SourceObject, fields: object): SourceObject {
  const read = sourceObject({ ...pod.value, ...fields }, pod.spans);
  return read.kind === "object" ? read.object : pod;
}
