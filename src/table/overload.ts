// What is watched, and what is done about too much of it (envoy.config.overload.v3.OverloadManager).

export type ResourceMonitor =
  /** Resident memory against a bound in bytes. */
  | { readonly kind: "memory"; readonly name: string; readonly maxBytes: number }
  /** A file with a number from 0 to 1, for tests. */
  | { readonly kind: "injected"; readonly name: string; readonly path: string }
  | { readonly kind: "connections"; readonly name: string; readonly max: number }
  /** How late the event loop is. Envoy has threads to spread over, and no such monitor. */
  | { readonly kind: "event-loop-lag"; readonly name: string; readonly maxMs: number }
  | { readonly kind: "descriptors"; readonly name: string; readonly max: number };

/** Pressure from `from` on has an effect, and from `full` on the whole effect; a threshold has both in one place. */
export interface Trigger {
  readonly monitor: string;
  readonly from: number;
  readonly full: number;
}

export type ScaledTimer = "connection-idle" | "connection-max" | "stream-idle" | "stream-flush" | "handshake";

/** The shortest that a time-out becomes. */
export type TimerFloor =
  | { readonly kind: "ms"; readonly ms: number }
  | { readonly kind: "share"; readonly share: number };

export const ACTIONS = [
  "stop_accepting_requests",
  "disable_http_keepalive",
  "stop_accepting_connections",
  "reject_incoming_connections",
  "reduce_timeouts",
  "shrink_heap",
  "reset_high_memory_stream",
] as const;
export type OverloadAction = (typeof ACTIONS)[number];

export interface OverloadTable {
  readonly refreshMs: number;
  readonly monitors: readonly ResourceMonitor[];
  readonly actions: ReadonlyMap<OverloadAction, readonly Trigger[]>;
  readonly timerFloors: ReadonlyMap<ScaledTimer, TimerFloor>;
  /** Streams that hold 2 to this power of bytes and more are told apart by how much they hold; 0: none are. */
  readonly accountPower: number;
}

/** What one of several workers is allowed of what they share; descriptors and the event loop are each one's own. */
export function workersShare(table: OverloadTable, workers: number): OverloadTable {
  if (workers === 1) return table;
  const monitors = table.monitors.map((monitor): ResourceMonitor => {
    if (monitor.kind === "memory") return { ...monitor, maxBytes: monitor.maxBytes / workers };
    if (monitor.kind === "connections") return { ...monitor, max: Math.ceil(monitor.max / workers) };
    return monitor;
  });
  return { ...table, monitors };
}

function triggered({ from, full }: Trigger, pressure: number): number {
  if (pressure >= full) return 1;
  return pressure <= from ? 0 : (pressure - from) / (full - from);
}

/** How far an action goes, from 0 (not at all) to 1: the furthest that any trigger asks for. */
export function actionState(triggers: readonly Trigger[], pressures: ReadonlyMap<string, number>): number {
  return Math.max(0, ...triggers.map((trigger) => triggered(trigger, pressures.get(trigger.monitor) ?? 0)));
}

/** Classes of streams by the bytes that they hold, each of twice as much as the one before (Envoy: NUM_MEMORY_CLASSES_). */
const CLASSES = 8;
/** That many go at a time, so that a look takes no longer (Envoy: kMaxNumberOfStreamsToResetPerInvocation). */
const MAX_RESETS = 50;

/**
 * The streams that go under so much pressure, those that hold most first: of one class of the eight in the beginning, of all in the end
 * (Envoy: WatermarkBufferFactory::resetAccountsGivenPressure).
 */
export function heaviest<Account extends { readonly bytes: number }>(
  accounts: readonly Account[],
  leastPower: number,
  state: number,
): readonly Account[] {
  const least = CLASSES - Math.min(CLASSES, Math.floor(state * CLASSES) + 1);
  const from = 2 ** (leastPower + least);
  const found = accounts.filter(({ bytes }) => bytes >= from);
  return found.toSorted((a, b) => b.bytes - a.bytes).slice(0, MAX_RESETS);
}

/** The least that a time-out may become. */
export function leastTimeout(ms: number, floor: TimerFloor): number {
  return Math.min(ms, floor.kind === "ms" ? floor.ms : ms * floor.share);
}

/** A time-out under so much pressure (Envoy: ScaledRangeTimerManager). 0, which is none, stays. */
export function scaledTimeout(ms: number, floor: TimerFloor | undefined, state: number): number {
  if (ms === 0 || !floor || state === 0) return ms;
  const least = leastTimeout(ms, floor);
  return least + (ms - least) * (1 - state);
}
