// envoy.config.overload.v3.OverloadManager

import type { Any } from "@bufbuild/protobuf/wkt";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import {
  type OverloadAction,
  type OverloadManager,
  type ResourceMonitor,
  ScaleTimersOverloadActionConfig_TimerType,
  ScaleTimersOverloadActionConfigSchema,
  type Trigger,
} from "../../xds/gen/envoy/config/overload/v3/overload_pb.ts";
import { DownstreamConnectionsConfigSchema } from "../../xds/gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts";
import { FixedHeapConfigSchema } from "../../xds/gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.ts";
import { InjectedResourceConfigSchema } from "../../xds/gen/envoy/extensions/resource_monitors/injected_resource/v3/injected_resource_pb.ts";
import * as table from "../overload.ts";
import { isA, milliseconds, type Scope } from "./scope.ts";

const REFRESH_MS = 1_000;
const PREFIX = "envoy.overload_actions.";
/** Heddle's own, configured by a google.protobuf.Struct. */
const EVENT_LOOP_LAG = "heddle.resource_monitors.event_loop_lag";
const DESCRIPTORS = "heddle.resource_monitors.file_descriptors";

function positive(scope: Scope, value: unknown): number {
  if (typeof value === "number" && value > 0) return value;
  scope.reject("missing, or not above 0");
  return Number.POSITIVE_INFINITY;
}

function acceptOwnMonitor(
  scope: Scope,
  name: string,
  config: Readonly<Record<string, unknown>>,
): table.ResourceMonitor | undefined {
  switch (name) {
    case EVENT_LOOP_LAG:
      return { kind: "event-loop-lag", name, maxMs: positive(scope.field("max_lag_ms"), config.max_lag_ms) };
    case DESCRIPTORS:
      return { kind: "descriptors", name, max: positive(scope.field("max"), config.max) };
    default:
      scope.reject(
        `no monitor ${JSON.stringify(name)}: only ${EVENT_LOOP_LAG} and ${DESCRIPTORS} are configured by a Struct`,
      );
      return undefined;
  }
}

function acceptConfig(scope: Scope, name: string, any: Any): table.ResourceMonitor | undefined {
  if (isA(any, FixedHeapConfigSchema)) {
    const heap = scope.unpack(any, FixedHeapConfigSchema);
    return (
      heap && {
        kind: "memory",
        name,
        maxBytes: positive(scope.field("max_heap_size_bytes"), Number(heap.maxHeapSizeBytes)),
      }
    );
  }
  if (isA(any, DownstreamConnectionsConfigSchema)) {
    const config = scope.unpack(any, DownstreamConnectionsConfigSchema);
    const at = scope.field("max_active_downstream_connections");
    return config && { kind: "connections", name, max: positive(at, Number(config.maxActiveDownstreamConnections)) };
  }
  if (isA(any, InjectedResourceConfigSchema)) {
    const injected = scope.unpack(any, InjectedResourceConfigSchema);
    return injected && { kind: "injected", name, path: injected.filename };
  }
  if (isA(any, StructSchema)) {
    const own = scope.unpack(any, StructSchema);
    const fields = Object.entries(own?.fields ?? {}).map(([key, { kind }]) => [
      key,
      kind.case === "numberValue" ? kind.value : "",
    ]);
    return acceptOwnMonitor(scope, name, Object.fromEntries(fields));
  }
  scope.reject(`monitor ${JSON.stringify(any.typeUrl)} is not supported by Heddle's proxy`);
  return undefined;
}

function acceptMonitor(scope: Scope, { name, configType }: ResourceMonitor): table.ResourceMonitor | undefined {
  if (configType.case === "typedConfig") return acceptConfig(scope.field("typed_config"), name, configType.value);
  scope.field("typed_config").reject("missing");
  return undefined;
}

function acceptTrigger(
  scope: Scope,
  { name, triggerOneof: by }: Trigger,
  monitors: ReadonlySet<string>,
): table.Trigger[] {
  if (!monitors.has(name)) scope.field("name").reject(`no resource monitor ${JSON.stringify(name)}`);
  switch (by.case) {
    case "threshold":
      return [{ monitor: name, from: by.value.value, full: by.value.value }];
    case "scaled": {
      const { scalingThreshold: from, saturationThreshold: full } = by.value;
      if (from >= full) scope.field("scaled").reject("scaling_threshold must be below saturation_threshold");
      return [{ monitor: name, from, full }];
    }
    case undefined:
      scope.reject("neither threshold nor scaled");
      return [];
  }
}

const TIMERS: ReadonlyMap<ScaleTimersOverloadActionConfig_TimerType, table.ScaledTimer> = new Map([
  [ScaleTimersOverloadActionConfig_TimerType.HTTP_DOWNSTREAM_CONNECTION_IDLE, "connection-idle"],
  [ScaleTimersOverloadActionConfig_TimerType.HTTP_DOWNSTREAM_CONNECTION_MAX, "connection-max"],
  [ScaleTimersOverloadActionConfig_TimerType.HTTP_DOWNSTREAM_STREAM_IDLE, "stream-idle"],
  [ScaleTimersOverloadActionConfig_TimerType.HTTP_DOWNSTREAM_STREAM_FLUSH, "stream-flush"],
  [ScaleTimersOverloadActionConfig_TimerType.TRANSPORT_SOCKET_CONNECT, "handshake"],
]);

function acceptFloors(scope: Scope, any: Any | undefined): ReadonlyMap<table.ScaledTimer, table.TimerFloor> {
  const floors = new Map<table.ScaledTimer, table.TimerFloor>();
  const config = scope.unpack(any, ScaleTimersOverloadActionConfigSchema);
  config?.timerScaleFactors.forEach(({ timer, overloadAdjust: by }, i) => {
    const at = scope.field("timer_scale_factors").index(i);
    const scaled = TIMERS.get(timer);
    if (!scaled) at.field("timer").reject("no timer that is known");
    else if (by.case === "minTimeout") floors.set(scaled, { kind: "ms", ms: milliseconds(by.value, 0) });
    else if (by.case === "minScale") floors.set(scaled, { kind: "share", share: by.value.value / 100 });
    else at.reject("neither min_timeout nor min_scale");
  });
  return floors;
}

function acceptAction(scope: Scope, { name }: OverloadAction): table.OverloadAction | undefined {
  const action = table.ACTIONS.find((known) => name === PREFIX + known);
  if (!action) scope.field("name").reject(`${JSON.stringify(name)} is not supported by Heddle's proxy`);
  return action;
}

/** Envoy's bounds (overload.proto). */
function acceptAccountPower(scope: Scope, { bufferFactoryConfig }: OverloadManager): number {
  if (!bufferFactoryConfig) return 0;
  const { minimumAccountToTrackPowerOfTwo: power } = bufferFactoryConfig;
  if (power < 10 || power > 56)
    scope.field("buffer_factory_config").field("minimum_account_to_track_power_of_two").reject("not from 10 to 56");
  return power;
}

export function acceptOverloadManager(scope: Scope, manager: OverloadManager): table.OverloadTable {
  scope.only(manager, ["refreshInterval", "resourceMonitors", "actions", "bufferFactoryConfig"]);
  const accountPower = acceptAccountPower(scope, manager);
  const monitors = manager.resourceMonitors.flatMap(
    (monitor, i) => acceptMonitor(scope.field("resource_monitors").index(i), monitor) ?? [],
  );
  const names = new Set(monitors.map(({ name }) => name));
  if (names.size < monitors.length) scope.field("resource_monitors").reject("a name is there twice");
  const actions = new Map<table.OverloadAction, readonly table.Trigger[]>();
  let timerFloors: table.OverloadTable["timerFloors"] = new Map();
  manager.actions.forEach((action, i) => {
    const at = scope.field("actions").index(i);
    const known = acceptAction(at, action);
    if (!known) return;
    actions.set(
      known,
      action.triggers.flatMap((trigger, j) => acceptTrigger(at.field("triggers").index(j), trigger, names)),
    );
    if (known === "reset_high_memory_stream" && accountPower === 0)
      at.reject("needs buffer_factory_config.minimum_account_to_track_power_of_two");
    if (known === "reduce_timeouts") timerFloors = acceptFloors(at.field("typed_config"), action.typedConfig);
  });
  return { refreshMs: milliseconds(manager.refreshInterval, REFRESH_MS), monitors, actions, timerFloors, accountPower };
}
