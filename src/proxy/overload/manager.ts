// Watches resources and says what is to be done (Envoy: OverloadManagerImpl). What is done is done where requests and connections come.

import { logger } from "../../base/log.ts";
import { Alarm, timers } from "../../base/timer-wheel.ts";
import { actionState, type OverloadAction, type OverloadTable } from "../../table/overload.ts";
import { pressureOf } from "./pressure.ts";
import type { OverloadState } from "./state.ts";

const log = logger("proxy");

/** The event loop is asked that often how late it is. */
const LAG_PROBE_MS = 20;

/** What is asked of the proxy, and told to it. */
export interface OverloadedProxy {
  readonly connections: number;
  readonly overload: OverloadState;
  /** After each look, while the action's state is above 0. */
  onReducedTimeouts(): void;
  /** After each look, while the action's state is above 0. `leastPower`: of two, the least that counts in bytes. */
  onHighMemory(leastPower: number): void;
  /** The action ended, or began. */
  onAction(action: OverloadAction, active: boolean): void;
}

export class OverloadManager {
  readonly #table: OverloadTable;
  readonly #proxy: OverloadedProxy;
  readonly #refresh = new Alarm(() => this.#onRefresh());
  #lagProbe: Timer | undefined;
  #lagMs = 0;

  constructor(table: OverloadTable, proxy: OverloadedProxy) {
    this.#table = table;
    this.#proxy = proxy;
    proxy.overload.timerFloors = table.timerFloors;
    proxy.overload.refreshMs = table.refreshMs;
    proxy.overload.watched = [...table.actions.keys()];
    if (table.monitors.some(({ kind }) => kind === "event-loop-lag")) this.#watchLoop();
    timers.arm(this.#refresh, table.refreshMs);
  }

  #watchLoop(): void {
    let last = performance.now();
    this.#lagProbe = setInterval(() => {
      const now = performance.now();
      this.#lagMs = Math.max(this.#lagMs, now - last - LAG_PROBE_MS);
      last = now;
    }, LAG_PROBE_MS);
    this.#lagProbe.unref();
  }

  #onRefresh(): void {
    timers.arm(this.#refresh, this.#table.refreshMs);
    const usage = { connections: this.#proxy.connections, lagMs: this.#lagMs };
    this.#lagMs = 0;
    const pressures = new Map(this.#table.monitors.map((monitor) => [monitor.name, pressureOf(monitor, usage)]));
    this.#proxy.overload.pressures = pressures;
    for (const [action, triggers] of this.#table.actions) this.#set(action, actionState(triggers, pressures));
    if (this.#proxy.overload.reduce_timeouts > 0) this.#proxy.onReducedTimeouts();
    if (this.#proxy.overload.reset_high_memory_stream > 0) this.#proxy.onHighMemory(this.#table.accountPower);
    if (this.#proxy.overload.shrink_heap > 0) Bun.gc(false);
  }

  #set(action: OverloadAction, state: number): void {
    const { overload } = this.#proxy;
    const before = overload[action];
    overload[action] = state;
    if (state > 0 === before > 0) return;
    log.warn(state > 0 ? "overload action begins" : "overload action ends", { action, state });
    this.#proxy.onAction(action, state > 0);
  }

  stop(): void {
    timers.disarm(this.#refresh);
    clearInterval(this.#lagProbe);
  }
}
