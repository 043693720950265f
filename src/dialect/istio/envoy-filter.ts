// EnvoyFilter → patches of what Envoys are told. Values are held against Envoy's own messages here, so that a mistake is told where it is written.

import type { JsonValue } from "@bufbuild/protobuf";
import { programSize } from "../../base/regex-size.ts";
import type {
  ClusterMatch,
  EnvoyPatch,
  EnvoyPatches,
  ListenerMatch,
  PatchContext,
  PatchOperation,
  PatchTarget,
  RouteConfigurationMatch,
} from "../../model/envoy-patch.ts";
import { PATCHABLE } from "../../xds/envoy-types.ts";
import { checkWritten, type JsonProblem } from "../../xds/written-json.ts";
import { decodeObject } from "../decode.ts";
import { programMessage } from "../formats.ts";
import { isObject } from "../object.ts";
import { joinPath } from "../path.ts";
import * as diagnostics from "./envoy-diagnostics.ts";
import { ENVOY_FILTER, type PatchSpec } from "./envoy-filter-schema.ts";
import { checkMatch, type MatchField, type MatchSpec } from "./envoy-match.ts";
import { configurationMissing, formerApi } from "./envoy-match-diagnostics.ts";
import type { Reading } from "./reading.ts";
import { readScope } from "./workload-scope.ts";

type ApplyTo = PatchSpec["applyTo"];
type Operation = PatchSpec["patch"]["operation"];

const OPERATIONS = {
  MERGE: "merge",
  MERGE_AND_REPLACE_LIST: "merge-replacing-lists",
  ADD: "add",
  REMOVE: "remove",
  INSERT_BEFORE: "insert-before",
  INSERT_AFTER: "insert-after",
  INSERT_FIRST: "insert-first",
  REPLACE: "replace",
} as const satisfies Readonly<Record<Operation, PatchOperation>>;

const MERGES: readonly Operation[] = ["MERGE", "MERGE_AND_REPLACE_LIST"];
const INSERTS: readonly Operation[] = ["INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST"];
const OF_MEMBERS: readonly Operation[] = [...MERGES, "ADD", "REMOVE"];

interface Target {
  readonly target: PatchTarget;
  /** By which it is found; undefined: it is not. */
  readonly match: MatchField | undefined;
  /** What can be done to it. */
  readonly operations: readonly Operation[];
}

const TARGETS: Readonly<Record<ApplyTo, Target>> = {
  LISTENER: { target: "listener", match: "listener", operations: OF_MEMBERS },
  FILTER_CHAIN: { target: "filter-chain", match: "listener", operations: OF_MEMBERS },
  LISTENER_FILTER: {
    target: "listener-filter",
    match: "listener",
    operations: [...OF_MEMBERS, ...INSERTS, "REPLACE"],
  },
  NETWORK_FILTER: { target: "network-filter", match: "listener", operations: [...OF_MEMBERS, ...INSERTS, "REPLACE"] },
  HTTP_FILTER: { target: "http-filter", match: "listener", operations: [...OF_MEMBERS, ...INSERTS, "REPLACE"] },
  ROUTE_CONFIGURATION: { target: "route-configuration", match: "routeConfiguration", operations: MERGES },
  VIRTUAL_HOST: { target: "virtual-host", match: "routeConfiguration", operations: OF_MEMBERS },
  HTTP_ROUTE: { target: "http-route", match: "routeConfiguration", operations: [...OF_MEMBERS, ...INSERTS] },
  CLUSTER: { target: "cluster", match: "cluster", operations: OF_MEMBERS },
  EXTENSION_CONFIG: { target: "extension-config", match: undefined, operations: ["ADD"] },
  BOOTSTRAP: { target: "bootstrap", match: undefined, operations: MERGES },
};

/** Told by analyzers, under Istio's codes (IST0152 to IST0154). */
const TOLD_ELSEWHERE: ReadonlySet<string> = new Set([
  ...Object.keys(TARGETS).map((applyTo) => `REPLACE ${applyTo}`),
  "ADD ROUTE_CONFIGURATION",
  "REMOVE ROUTE_CONFIGURATION",
]);

const CONTEXTS: Readonly<Record<Exclude<MatchSpec["context"], undefined | "WAYPOINT">, PatchContext>> = {
  ANY: "any",
  SIDECAR_INBOUND: "inbound",
  SIDECAR_OUTBOUND: "outbound",
  GATEWAY: "gateway",
};

/** Filters that are put in are found again by their name. */
const NAMED: readonly PatchTarget[] = ["http-filter", "network-filter", "listener-filter", "extension-config"];

export function readEnvoyFilter(reading: Reading): EnvoyPatches | undefined {
  const { object, origin, reporter } = reading;
  const read = decodeObject(ENVOY_FILTER, object, reporter);
  if (!read) return undefined;
  const { workloadSelector, targetRefs, priority = 0, configPatches = [] } = read.spec ?? {};
  const scope = readScope(
    {
      ...(workloadSelector ? { selector: { matchLabels: workloadSelector.labels ?? {} } } : {}),
      ...(targetRefs ? { targetRefs } : {}),
    },
    reading,
  );
  const patches = configPatches.flatMap((spec, i) => readPatch(spec, i, reading) ?? []);
  return scope && { origin, createdAt: object.createdAt, scope, priority, patches };
}

/** Undefined where it can have no effect. */
function readPatch(spec: PatchSpec, index: number, reading: Reading): EnvoyPatch | undefined {
  const { reporter } = reading;
  const path = `spec.configPatches[${index}]`;
  const { applyTo, match = {}, patch } = spec;
  const { operation } = patch;
  const target = TARGETS[applyTo];
  checkMatch(applyTo, target.match, match, `${path}.match`, reporter);
  const value = readValue(target.target, spec, index, reading);
  if (match.context === "WAYPOINT") {
    if (match.waypoint) reporter.report(`${path}.match.context`, diagnostics.waypointContext());
    return undefined;
  }
  if (!target.operations.includes(operation)) {
    if (!TOLD_ELSEWHERE.has(`${operation} ${applyTo}`))
      reporter.report(`${path}.patch.operation`, diagnostics.noSuchOperation(operation, applyTo));
    return undefined;
  }
  return {
    target: target.target,
    operation: OPERATIONS[operation],
    context: CONTEXTS[match.context ?? "ANY"],
    proxy: match.proxy && { version: match.proxy.proxyVersion || undefined, metadata: match.proxy.metadata ?? {} },
    listener: match.listener && listenerMatch(match.listener),
    routes: match.routeConfiguration && routesMatch(match.routeConfiguration),
    cluster: match.cluster && clusterMatch(match.cluster),
    value,
    path,
  };
}

function readValue(
  target: PatchTarget,
  { applyTo, patch }: PatchSpec,
  index: number,
  { object, reporter }: Reading,
): JsonValue | undefined {
  const { operation } = patch;
  const path = `spec.configPatches[${index}].patch`;
  const written = writtenValue(object.value, index);
  if (operation === "REMOVE") {
    if (written !== undefined) reporter.report(`${path}.value`, diagnostics.valueIgnored());
    return undefined;
  }
  if (written === undefined || written === null) {
    // A stand-in is not written.
    if (patch.value === undefined) reporter.report(path, diagnostics.valueMissing(operation));
    return undefined;
  }
  const { json, problems, regexes } = checkWritten(PATCHABLE[target], written);
  for (const problem of problems) reporter.report(pathOf(`${path}.value`, problem), messageOf(problem));
  for (const { regex, ...place } of regexes) {
    const at = pathOf(`${path}.value`, place);
    const problem = reporter.hasRoomFor(programSize(regex), at) ? programMessage("regex", regex) : undefined;
    if (problem) reporter.report(at, problem);
  }
  const isNew = !MERGES.includes(operation);
  if (isNew && NAMED.includes(target) && isObject(json) && !json.name)
    reporter.report(`${path}.value`, diagnostics.filterWithoutName(applyTo));
  return json;
}

/** As it stands in the object: the table of fields leaves it to Envoy's messages. */
function writtenValue(object: unknown, index: number): JsonValue | undefined {
  const spec = isObject(object) && isObject(object.spec) ? object.spec : {};
  const list = spec.configPatches ?? spec.config_patches;
  const item: unknown = Array.isArray(list) ? list[index] : undefined;
  const patch = isObject(item) && isObject(item.patch) ? item.patch : {};
  return patch.value as JsonValue | undefined;
}

function pathOf(base: string, { path }: Pick<JsonProblem, "path">): string {
  return path.reduce(joinPath, base);
}

/** `envoy.api.v2.Cluster`, `envoy.config.filter.http.lua.v2.Lua`. */
const FORMER_API = /^envoy\.(?:.+\.)?v2(?:alpha\d*)?\./;

function messageOf(problem: JsonProblem) {
  switch (problem.kind) {
    case "misspelt":
      return diagnostics.misspeltField(problem.name, problem.message, problem.near);
    case "unknown-field":
      return diagnostics.unknownField(problem.name, problem.message, problem.passed);
    case "wrong-value":
      return diagnostics.wrongValue(problem.value, problem.wanted);
    case "unknown-type":
      if (FORMER_API.test(problem.type)) return formerApi(problem.type);
      return diagnostics.unknownType(problem.type, problem.near);
    case "missing-configuration":
      return configurationMissing(problem.name);
    case "missing-type":
      return diagnostics.typeMissing();
    case "unreadable":
      return diagnostics.unreadable(problem.reason);
  }
}

/** Empty text and 0 are unset, as in protobuf. */
function listenerMatch(spec: NonNullable<MatchSpec["listener"]>): ListenerMatch {
  const { portNumber, name, listenerFilter, filterChain } = spec;
  return {
    port: portNumber || undefined,
    name: name || undefined,
    listenerFilter: listenerFilter || undefined,
    chain: filterChain && {
      name: filterChain.name || undefined,
      serverName: filterChain.sni || undefined,
      transportProtocol: filterChain.transportProtocol || undefined,
      applicationProtocols: (filterChain.applicationProtocols ?? "").split(",").filter((protocol) => protocol !== ""),
      destinationPort: filterChain.destinationPort || undefined,
      filter: filterChain.filter?.name || undefined,
      subFilter: filterChain.filter?.subFilter?.name || undefined,
    },
  };
}

const ACTIONS = { ANY: "any", ROUTE: "route", REDIRECT: "redirect", DIRECT_RESPONSE: "direct-response" } as const;

function routesMatch(spec: NonNullable<MatchSpec["routeConfiguration"]>): RouteConfigurationMatch {
  const { portNumber, portName, gateway, name, vhost } = spec;
  const route = vhost?.route;
  return {
    port: portNumber || undefined,
    portName: portName || undefined,
    gateway: gateway || undefined,
    name: name || undefined,
    virtualHost: vhost && {
      name: vhost.name || undefined,
      domain: vhost.domainName || undefined,
      route: route && { name: route.name || undefined, action: ACTIONS[route.action ?? "ANY"] },
    },
  };
}

function clusterMatch({ portNumber, service, subset, name }: NonNullable<MatchSpec["cluster"]>): ClusterMatch {
  return {
    port: portNumber || undefined,
    service: service || undefined,
    subset: subset || undefined,
    name: name || undefined,
  };
}
