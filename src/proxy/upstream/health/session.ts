// The checks of one host, one after the other (Envoy: HealthCheckerImplBase::ActiveHealthCheckSession).

import { logger } from "../../../base/log.ts";
import { Deadline, timers } from "../../../base/timer-wheel.ts";
import type { HealthCheck } from "../../../table/health-check.ts";
import type { Host } from "../host.ts";
import type { HealthEvent } from "./event-log.ts";
import type { Prober } from "./prober.ts";
import type { HostHealth, SharedCheck } from "./shared-check.ts";
import { afterCheck, IMMEDIATE_FAILURE, nextCheckMs, type Outcome, TIMED_OUT, type Transition } from "./transition.ts";

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
  /** Checks in which it was looked whose answer it is (service_name_matcher). */
  verified: number;
}

export const NO_CHECKS: HealthStats = {
  attempts: 0,
  successes: 0,
  failures: 0,
  networkFailures: 0,
  passiveFailures: 0,
  verified: 0,
};

/** What checks have found out before, and with whom they are made. */
export interface SessionStart {
  /** Undefined: nothing. */
  readonly known: HostHealth | undefined;
  /** Undefined: this process checks alone. */
  readonly shared: SharedCheck | undefined;
}

function judge(
  before: HostHealth,
  outcome: Outcome,
  check: HealthCheck,
): { readonly health: HostHealth; readonly transition: Transition } {
  const { state, transition } = afterCheck(before, outcome, check);
  const degraded = outcome.kind === "passed" ? outcome.degraded : before.degraded;
  return { health: { ...state, degraded, excluded: outcome.kind === "failed" && outcome.excludes }, transition };
}

/** The deadline is that of the running check, or the beginning of the next. */
export class HealthSession extends Deadline {
  readonly #owner: SessionOwner;
  readonly #host: Host;
  readonly #prober: Prober;
  readonly #shared: SharedCheck | undefined;
  readonly isKnown: boolean;
  #health: HostHealth;
  #phase: "waiting" | "checking" | "stopped" = "waiting";

  /** Goes on from what the host's flags say. */
  constructor(owner: SessionOwner, host: Host, prober: Prober, { known, shared }: SessionStart) {
    super();
    this.#owner = owner;
    this.#host = host;
    this.#prober = prober;
    this.#shared = shared;
    this.isKnown = known !== undefined;
    const { degradedActiveCheck: degraded, excluded } = host;
    this.#health = { healthy: !host.failedActiveCheck, row: 0, unknown: true, degraded, excluded, ...known };
  }

  start(): void {
    const wait = this.#shared ? this.#shared.waitMs : Math.random() * this.#owner.check.intervals.initialJitterMs;
    if (wait > 0) timers.arm(this, wait);
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
    const { timeoutMs } = this.#owner.check;
    if (this.#shared && !this.#shared.claim(timeoutMs)) {
      this.#follow(this.#shared);
      return;
    }
    this.#phase = "checking";
    this.#owner.stats.attempts++;
    timers.arm(this, timeoutMs);
    this.#prober.begin((outcome) => this.#finish(outcome));
  }

  #finish(outcome: Outcome): void {
    if (this.#phase !== "checking") return;
    this.#phase = "waiting";
    const transition = this.#apply(outcome);
    const { check } = this.#owner;
    const passed = outcome.kind === "passed";
    const next = nextCheckMs(check.intervals, passed, transition, this.#owner.hadTraffic(), Math.random());
    this.#shared?.next(next);
    timers.arm(this, this.#shared?.waitMs ?? next);
  }

  /** Others have found out something, or another process leads. */
  look(): void {
    if (this.#phase === "waiting" && this.#shared) this.#follow(this.#shared);
  }

  #follow(shared: SharedCheck): void {
    this.#adopt(shared);
    timers.arm(this, shared.waitMs);
  }

  #adopt(shared: SharedCheck): void {
    const found = shared.look();
    if (!found) return;
    const { unknown } = this.#health;
    const changed = this.#become(found);
    if (changed || unknown) this.#owner.onChecked(this.#host, found.healthy, changed);
  }

  /** True: the host's flags are others than they were. */
  #become(health: HostHealth): boolean {
    const host = this.#host;
    this.#health = health;
    const { degraded, excluded } = health;
    const failed = !health.healthy;
    const changed =
      failed !== host.failedActiveCheck || degraded !== host.degradedActiveCheck || excluded !== host.excluded;
    host.failedActiveCheck = failed;
    host.degradedActiveCheck = degraded;
    host.excluded = excluded;
    return changed;
  }

  /** A response to a request told it (Envoy: HealthCheckHostMonitor::setUnhealthy). The checks go on as they would. */
  failAtOnce(): void {
    if (this.#phase !== "stopped") this.#apply(IMMEDIATE_FAILURE);
  }

  #judged(outcome: Outcome): ReturnType<typeof judge> {
    for (;;) {
      if (this.#shared) this.#adopt(this.#shared);
      const judged = judge(this.#health, outcome, this.#owner.check);
      if (this.#shared?.publish(judged.health) ?? true) return judged;
    }
  }

  #apply(outcome: Outcome): Transition {
    const { health, transition } = this.#judged(outcome);
    const { unknown, degraded } = this.#health;
    this.#count(outcome);
    this.#log(outcome, transition, unknown);
    if (health.degraded !== degraded)
      this.#owner.log(this.#host, health.degraded ? { degraded_healthy_host: {} } : { no_longer_degraded_host: {} });
    const changed = this.#become(health);
    if (changed || unknown) this.#shared?.tell();
    this.#owner.onChecked(this.#host, outcome.kind === "passed", changed);
    return transition;
  }

  #log(outcome: Outcome, transition: Transition, first: boolean): void {
    const { check } = this.#owner;
    if (transition === "changed") this.#tell(outcome, first);
    else if (outcome.kind === "failed" && (first || check.logsAllFailures))
      this.#owner.log(this.#host, { health_check_failure_event: { failure_type: outcome.type, first_check: first } });
    else if (outcome.kind === "passed" && check.logsAllSuccesses)
      this.#owner.log(this.#host, { successful_health_check_event: {} });
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
    if (outcome.verifiesCluster) stats.verified++;
    if (outcome.kind === "passed") stats.successes++;
    else {
      stats.failures++;
      if (outcome.type === "PASSIVE") stats.passiveFailures++;
      else if (outcome.type !== "ACTIVE") stats.networkFailures++;
    }
  }

  stop(): void {
    if (this.#phase === "stopped") return;
    if (this.#phase === "checking") this.#shared?.giveUp();
    this.#phase = "stopped";
    timers.disarm(this);
    this.#prober.close();
    this.#shared?.release();
  }
}
