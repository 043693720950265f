// The proxy that `heddle compile` looks at: one of the files, or one that options describe. It becomes a Pod among the others, which is the
// one way in for workloads.

import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { isObject, type SourceObject, sourceObject } from "../dialect/object.ts";
import { type Gateway, gatewayKey } from "../model/gateway.ts";
import type { MeshParts } from "../model/mesh.ts";
import { labelsMatch, type Workload, type WorkloadProxy } from "../model/workload.ts";

type Labels = Readonly<Record<string, string>>;

/** What the command line says of the proxy. */
export interface TargetOptions {
  /** `NAMESPACE/NAME`, or a name in the namespace. */
  readonly workload?: string | undefined;
  readonly gateway?: string | undefined;
  readonly namespace?: string | undefined;
  readonly labels?: Labels | undefined;
  readonly serviceAccount?: string | undefined;
  readonly proxy?: WorkloadProxy["kind"] | undefined;
}

/** `object`: the Pod, in the place of one of its name. */
export interface Target {
  readonly object: SourceObject;
  /** The files hold no such Pod. */
  readonly described: boolean;
}

export const DEFAULT_NAMESPACE = "default";
/** Names of a client of which nothing but its namespace matters, where no Pod has them. */
const CLIENTS = ["client", "some-client"];
/** TEST-NET-1 (RFC 5737): nobody's. Where Services select the labels that were given, their endpoints have it. */
const ADDRESS = "192.0.2.1";

/** Throws a Failure, with the nearest name, when there is no such proxy. */
export function targetOf(
  objects: readonly SourceObject[],
  parts: Pick<MeshParts, "workloads" | "gateways">,
  options: TargetOptions,
): Target {
  const { workload, gateway, namespace } = options;
  if (workload !== undefined && gateway !== undefined)
    throw new Failure("--workload and --gateway exclude each other", { exit: EXIT.usage });
  const pods = podsOf(objects);
  if (gateway !== undefined) return gatewayTarget(pods, parts, gateway, options);
  if (workload !== undefined && !/^[^/]+(?:\/[^/]+)?$/.test(workload))
    throw new Failure(`--workload is not NAMESPACE/NAME: ${JSON.stringify(workload)}`, {
      hint: "--workload shop/web",
      exit: EXIT.usage,
    });
  if (workload === undefined && namespace === undefined && !isDescribed(options))
    throw new Failure("whose configuration? Neither --workload nor --gateway is given", {
      hint: "--workload NAMESPACE/NAME, or --namespace NAME for any client there",
      exit: EXIT.usage,
    });
  if (workload === undefined) return described(freeName(pods, options), {}, options);
  return workloadTarget(pods, [...parts.workloads], workload, options);
}

/** Pods, and what owns Pods where they are yet to be made, by `<namespace>/<name>`. */
function podsOf(objects: readonly SourceObject[]): ReadonlyMap<string, SourceObject> {
  const templates = objects.filter(({ origin }) => origin.group === "apps").flatMap(podOfTemplate);
  const entries = objects.filter(isEntry);
  const pods = objects.filter(({ origin }) => origin.group === "" && origin.kind === "Pod");
  return new Map([...templates, ...entries, ...pods].map((object) => [nameOf(object.origin), object]));
}

/** A Deployment's Pod under the Deployment's name: replicas differ in what is their own alone. */
export function podOfTemplate({ origin, value, spans }: SourceObject): readonly SourceObject[] {
  const { spec } = value as { readonly spec?: { readonly template?: unknown } };
  const template = spec?.template;
  if (!isObject(template) || !isObject(template.spec)) return [];
  const { namespace, name } = origin;
  const metadata = { ...(isObject(template.metadata) ? template.metadata : {}), namespace, name };
  const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: template.spec };
  const read = sourceObject(pod, spans && ((path, part) => spans(path === "" ? PLACE : `${PLACE}.${path}`, part)));
  return read.kind === "object" ? [read.object] : [];
}

/** Where a Pod stands in what makes it. */
const PLACE = "spec.template";

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

function freeName(pods: Pods, { labels, namespace }: TargetOptions): string {
  const names = [labels?.app ?? "", ...CLIENTS].filter((name) => name !== "").map((name) => completed(name, namespace));
  return names.find((name) => !pods.has(name)) ?? completed(`client-${pods.size}`, namespace);
}

function isDescribed({ labels, serviceAccount, proxy }: TargetOptions): boolean {
  return labels !== undefined || serviceAccount !== undefined || proxy !== undefined;
}

function completed(text: string, namespace = DEFAULT_NAMESPACE): string {
  return text.includes("/") ? text : `${namespace}/${text}`;
}

type Pods = ReadonlyMap<string, SourceObject>;

function workloadTarget(pods: Pods, workloads: readonly Workload[], text: string, options: TargetOptions): Target {
  const wanted = completed(text, options.namespace);
  const owned = workloads.find(({ namespace, workloadName }) => `${namespace}/${workloadName}` === wanted);
  const pod = pods.get(wanted) ?? (owned && pods.get(nameOf(owned)));
  if (pod) return { object: existing(pod, options), described: false };
  if (isDescribed(options)) return described(wanted, {}, options);
  const owners = workloads.map(({ namespace, workloadName }) => `${namespace}/${workloadName}`);
  throw noSuch(
    "workload",
    wanted,
    [...pods.keys(), ...owners],
    `--proxy envoy --labels app=${withoutNamespace(wanted)}`,
  );
}

function noSuch(what: string, wanted: string, names: readonly string[], description: string): Failure {
  const near = nearest(wanted, names);
  const known = [...new Set(names)].sort();
  const all = known.length > 0 && known.length <= 10 ? `one of ${known.join(", ")}; or ` : "";
  return new Failure(`no ${what} ${wanted} in the files`, {
    hint: near ?? `${all}describe it: ${description}`,
    exit: EXIT.data,
  });
}

/** A Pod of the files, with what the options say otherwise. */
function existing(pod: SourceObject, options: TargetOptions): SourceObject {
  const { annotations, origin } = pod;
  if (options.proxy === undefined && annotations["heddle.dev/proxy"] === undefined)
    throw new Failure(`${nameOf(origin)} has no proxy in the files: nothing would configure it`, {
      hint: "--proxy envoy or --proxy heddle puts one beside it (heddle.dev/proxy)",
      exit: EXIT.data,
    });
  return changed(pod, proxyAnnotations(options, annotations["heddle.dev/proxy"] === undefined), options);
}

/** A proxy that is put beside a workload captures its traffic, as one of Istio's does. */
function proxyAnnotations({ proxy }: TargetOptions, captures: boolean): Labels {
  return {
    ...(proxy === undefined ? {} : { "heddle.dev/proxy": proxy }),
    ...(captures ? { "heddle.dev/capture": "true" } : {}),
  };
}

/** Pods as if they had been given an address: manifests have no status, and a Pod without an address is no workload yet. */
export function addressed(object: SourceObject): SourceObject {
  const { group, kind } = object.origin;
  const isPod = group === "" && kind === "Pod";
  return isPod && !(object.value as PodValue).status?.podIP ? changed(object, {}, {}) : object;
}

/** A WorkloadEntry stands for a proxy as a Pod does, and has its address in its spec. */
function isEntry({ origin }: SourceObject): boolean {
  return origin.group === "networking.istio.io" && origin.kind === "WorkloadEntry";
}

interface PodValue {
  readonly metadata?: object;
  readonly spec?: object | undefined;
  readonly status?: { readonly podIP?: string | undefined } | undefined;
}

function changed(pod: SourceObject, annotations: Labels, { labels, serviceAccount }: TargetOptions): SourceObject {
  const { metadata, spec, status, ...rest } = pod.value as PodValue;
  const accountField = isEntry(pod) ? "serviceAccount" : "serviceAccountName";
  const value = {
    ...rest,
    metadata: {
      ...metadata,
      labels: { ...pod.labels, ...labels },
      annotations: { ...pod.annotations, ...annotations },
    },
    spec: { ...spec, ...(serviceAccount === undefined ? {} : { [accountField]: serviceAccount }) },
    ...(isEntry(pod) ? { status } : { status: status?.podIP ? status : { ...status, podIP: ADDRESS } }),
  };
  return podOf(value, pod.spans);
}

function podOf(value: object, spans?: SourceObject["spans"]): SourceObject {
  const read = sourceObject(value, spans);
  if (read.kind === "object") return read.object;
  throw new Failure(read.diagnostics.map(({ message }) => message).join("; "), { exit: EXIT.usage });
}

function described(wanted: string, annotations: Labels, options: TargetOptions): Target {
  const slash = wanted.indexOf("/");
  const { proxy = "heddle", labels, serviceAccount = "default" } = options;
  const isGateway = annotations["heddle.dev/gateway"] === "true";
  const object = podOf({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: wanted.slice(0, slash),
      name: wanted.slice(slash + 1),
      labels,
      annotations: { ...proxyAnnotations({ proxy }, !isGateway), ...annotations },
    },
    spec: { serviceAccountName: serviceAccount },
    status: { podIP: ADDRESS, conditions: [{ type: "Ready", status: "True" }] },
  });
  return { object, described: true };
}

/** By the name of the proxy's workload, or by that of a Gateway that the proxy opens. */
function gatewayTarget(
  pods: Pods,
  parts: Pick<MeshParts, "workloads" | "gateways">,
  text: string,
  options: TargetOptions,
): Target {
  const proxies = parts.workloads.filter(({ proxy }) => proxy?.gateway !== undefined);
  const named = ({ namespace, name }: { readonly namespace: string; readonly name: string }) =>
    text.includes("/")
      ? text === `${namespace}/${name}`
      : text === name && (options.namespace ?? namespace) === namespace;
  const gateway = parts.gateways.find(({ origin }) => named(origin));
  const workload =
    proxies.find(
      ({ namespace, name, workloadName }) => named({ namespace, name }) || named({ namespace, name: workloadName }),
    ) ??
    (gateway && proxies.find(({ labels }) => labelsMatch(gateway.selector, labels)));
  const pod = workload && pods.get(nameOf(workload));
  if (pod) return { object: existing(pod, options), described: false };
  const chosen = gateway && chosenBy(gateway, pods);
  if (chosen)
    return {
      object: changed(chosen, { ...GATEWAY, "heddle.dev/proxy": options.proxy ?? "heddle" }, options),
      described: false,
    };
  if (gateway) return described(nameOfGatewayProxy(gateway, options), GATEWAY, openedBy(gateway, options));
  const names = [...parts.gateways.map(gatewayKey), ...proxies.map(nameOf)];
  throw noSuch(
    "gateway",
    text,
    text.includes("/") ? names : [...names, ...names.map(withoutNamespace)],
    "a Gateway of that name",
  );
}

/** Istio's own gateway, which no annotation of Heddle's tells. */
function chosenBy({ selector }: Gateway, pods: Pods): SourceObject | undefined {
  const all = Object.keys(selector).length === 0;
  return all ? undefined : [...pods.values()].find(({ labels }) => labelsMatch(selector, labels));
}

const GATEWAY: Labels = { "heddle.dev/gateway": "true" };

function withoutNamespace(name: string): string {
  return name.slice(name.indexOf("/") + 1);
}

/** Certificates are looked for in the proxy's own namespace: the Gateway's, unless another is given. */
function nameOfGatewayProxy({ origin, selector }: Gateway, { namespace }: TargetOptions): string {
  return `${namespace ?? origin.namespace}/${selector.app ?? selector.istio ?? origin.name}`;
}

function openedBy({ selector }: Gateway, options: TargetOptions): TargetOptions {
  return { ...options, labels: { ...selector, ...options.labels } };
}
