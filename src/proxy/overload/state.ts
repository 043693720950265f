// What is being done about overload, as the request path reads it: plain fields, 0 where nothing is.

import {
  leastTimeout,
  type OverloadAction,
  type OverloadTable,
  type ScaledTimer,
  scaledTimeout,
} from "../../table/overload.ts";

/** Every field goes from 0 to 1; between them, a share of what comes is hit (Envoy: OverloadActionState). */
export class OverloadState {
  stop_accepting_requests = 0;
  disable_http_keepalive = 0;
  stop_accepting_connections = 0;
  reject_incoming_connections = 0;
  reduce_timeouts = 0;
  shrink_heap = 0;
  reset_high_memory_stream = 0;
  timerFloors: OverloadTable["timerFloors"] = new Map();
  /** Pressure is looked at that often. */
  refreshMs = 0;
  /** The actions that are configured. */
  watched: readonly OverloadAction[] = [];
  /** Of the resources that are watched, by their monitors' names: 1 is all that there is. Empty until the first look. */
  pressures: ReadonlyMap<string, number> = new Map();
  readonly stats = { requestsShed: 0, connectionsRejected: 0, streamsReset: 0 };

  /** Whether this one is hit. The caller has seen that the state is above 0. */
  hits(action: OverloadAction): boolean {
    return Math.random() < this[action];
  }

  timeout(timer: ScaledTimer, ms: number): number {
    return this.reduce_timeouts === 0 ? ms : scaledTimeout(ms, this.timerFloors.get(timer), this.reduce_timeouts);
  }

  /**
   * How long a time-out that began `sinceMs` ago has still to wait before it may be over; 0 or less: it is. Pressure may come and go
   * meanwhile: what is scaled asks again from its shortest time on (Envoy: ScaledRangeTimerManager).
   */
  wait(timer: ScaledTimer, ms: number, sinceMs: number): number {
    const left = this.timeout(timer, ms) - sinceMs;
    const floor = this.timerFloors.size === 0 ? undefined : this.timerFloors.get(timer);
    return floor ? Math.min(left, Math.max(leastTimeout(ms, floor) - sinceMs, this.refreshMs)) : left;
  }
}
