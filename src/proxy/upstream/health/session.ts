// The checks of one host, one after the other (Envoy: HealthCheckerImplBase::ActiveHealthCheckSession).

import { logger } from "../../../base/log.ts";
import { Deadline, timers } from "../../../base/timer-wheel.ts";
import type { HealthCheck } from "../../../table/health-check.ts";
import type { Host } from "../host.ts";
import type { HealthEvent } from "./event-log.ts";
import type { Prober } from "./prober.ts";
import {
  afterCheck,
  type HostState,
  IMMEDIATE_FAILURE,
  nextCheckMs,
  type Outcome,
  TIMED_OUT,
  type Transition,
} from "./transition.ts";

const log = logger("proxy");

/** How often it is looked whether the secrets that a connection needs are here. */
const SECRETS_POLL_MS = 50;

/** The cluster, as the checks of a host see it. */
export interface SessionOwner {
  readonly cluster: string;
  readonly check: HealthCheck;
  readonly stats: HealthStats;
  /** Secrets of the transport socket are here. */
  isReady(host: Host): boolean;
  hadTraffic(): boolean;
  /** `changed`: the host's flags are others than they were. */
  onChecked(host: Host, passed: boolean, changed: boolean): void;
  log(host: Host, event: HealthEvent): void;
}

export interface HealthStats {
  attempts: number;
  successes: number;
  failures: number;
  networkFailures: number;
  passiveFailures: number;
}

/** The deadline is that of the running check, or the beginning of the next. */
export class HealthSession extends Deadline {
  readonly #owner: SessionOwner;
  readonly #host: Host;
  readonly #prober: Prober;
  readonly isKnown: boolean;
  #state: HostState;
  #phase: "waiting" | "checking" | "stopped" = "waiting";

  /** Goes on from what the host's flags say. `isKnown`: checks have found them out. */
  constructor(owner: SessionOwner, host: Host, prober: Prober, isKnown: boolean) {
    super();
    this.#owner = owner;
    this.#host = host;
    this.#prober = prober;
    this.isKnown = isKnown;
    this.#state = { healthy: !host.failedActiveCheck, row: 0, unknown: true };
  }

  start(): void {
    const { initialJitterMs } = this.#owner.check.intervals;
    if (initialJitterMs > 0) timers.arm(this, Math.random() * initialJitterMs);
    else this.#check();
  }

  onDeadline(): void {
    if (this.#phase === "waiting") this.#check();
    else if (this.#phase === "checking") {
      this.#prober.close();
      this.#finish(TIMED_OUT);
    }
  }

  #check(): void {
    if (!this.#owner.isReady(this.#host)) {
      timers.arm(this, SECRETS_POLL_MS);
      return;
    }
    this.#phase = "checking";
    this.#owner.stats.attempts++;
    timers.arm(this, this.#owner.check.timeoutMs);
    this.#prober.begin((outcome) => this.#finish(outcome));
  }

  #finish(outcome: Outcome): void {
    if (this.#phase !== "checking") return;
    this.#phase = "waiting";
    const transition = this.#apply(outcome);
    const { check } = this.#owner;
    const passed = outcome.kind === "passed";
    timers.arm(this, nextCheckMs(check.intervals, passed, transition, this.#owner.hadTraffic(), Math.random()));
  }

  /** A response to a request told it (Envoy: HealthCheckHostMonitor::setUnhealthy). The checks go on as they would. */
  failAtOnce(): void {
    if (this.#phase !== "stopped") this.#apply(IMMEDIATE_FAILURE);
  }

  #apply(outcome: Outcome): Transition {
    const host = this.#host;
    const { unknown } = this.#state;
    const { state, transition } = afterCheck(this.#state, outcome, this.#owner.check);
    this.#state = state;
    this.#count(outcome);
    const excluded = outcome.kind === "failed" && outcome.excludes;
    const degraded = outcome.kind === "passed" ? outcome.degraded : host.degradedActiveCheck;
    const changed = transition === "changed" || excluded !== host.excluded || degraded !== host.degradedActiveCheck;
    if (transition === "changed") this.#tell(outcome, unknown);
    else if (outcome.kind === "failed" && (unknown || this.#owner.check.logsAllFailures))
      this.#owner.log(host, { health_check_failure_event: { failure_type: outcome.type, first_check: unknown } });
    else if (outcome.kind === "passed" && this.#owner.check.logsAllSuccesses)
      this.#owner.log(host, { successful_health_check_event: {} });
    if (degraded !== host.degradedActiveCheck)
      this.#owner.log(host, degraded ? { degraded_healthy_host: {} } : { no_longer_degraded_host: {} });
    host.failedActiveCheck = !state.healthy;
    host.degradedActiveCheck = degraded;
    host.excluded = excluded;
    this.#owner.onChecked(host, outcome.kind === "passed", changed);
    return transition;
  }

  #tell(outcome: Outcome, first: boolean): void {
    const { cluster } = this.#owner;
    const { label } = this.#host;
    if (outcome.kind === "passed") {
      this.#owner.log(this.#host, { add_healthy_event: { first_check: first } });
      log.info("host passes its health checks", { cluster, host: label });
    } else {
      this.#owner.log(this.#host, { eject_unhealthy_event: { failure_type: outcome.type } });
      log.info("host fails its health checks", { cluster, host: label, type: outcome.type });
    }
  }

  #count(outcome: Outcome): void {
    const { stats } = this.#owner;
    if (outcome.kind === "passed") stats.successes++;
    else {
      stats.failures++;
      if (outcome.type === "PASSIVE") stats.passiveFailures++;
      else if (outcome.type !== "ACTIVE") stats.networkFailures++;
    }
  }

  stop(): void {
    this.#phase = "stopped";
    timers.disarm(this);
    this.#prober.close();
  }
}
