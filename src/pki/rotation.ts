// When a certificate is renewed: a state machine without clock, timer or random source of its own, so that every step can be tested
// and shown. The agent feeds it events and sleeps until `wakeAtMs`.

/** From when a certificate was held (not from its back-dated start) until its last second, in milliseconds since 1970. */
export interface Held {
  readonly sinceMs: number;
  readonly notAfterMs: number;
}

/**
 * fresh → due → renewing → fresh, or failed (back-off) → renewing … and expired when the end passes on the way; an expired
 * certificate is still renewed. Without any certificate yet the state is `due` and `held` is undefined.
 */
export type RotationState =
  | { readonly kind: "fresh"; readonly held: Held; readonly renewAtMs: number }
  | { readonly kind: "due"; readonly held: Held | undefined }
  | { readonly kind: "renewing"; readonly held: Held | undefined; readonly failures: number }
  | {
      readonly kind: "failed";
      readonly held: Held | undefined;
      readonly failures: number;
      readonly retryAtMs: number;
      readonly reason: string;
    }
  | {
      readonly kind: "expired";
      readonly held: Held;
      readonly failures: number;
      readonly retryAtMs: number;
      readonly reason: string;
    };

/** `started` follows `mustRenew`; one of `issued` and `failed` follows `started`. */
export type RotationEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "started" }
  | { readonly kind: "issued"; readonly notAfterMs: number }
  | { readonly kind: "failed"; readonly reason: string };

/** How eager and how patient renewal is. */
export interface RotationOptions {
  /** Part of the lifetime after which to renew; 0.5 leaves as much time for retries (Istio's SECRET_GRACE_PERIOD_RATIO). */
  readonly ratio: number;
  /** Each renewal moves by up to this part of the lifetime, either way, so that a fleet started together does not renew together. */
  readonly jitter: number;
  readonly baseBackoffMs: number;
  readonly maxBackoffMs: number;
}

/** Istio's figures for the time; its jitter of 0.01 spreads a fleet over 29 minutes of 24 hours. */
export const DEFAULT_ROTATION: RotationOptions = { ratio: 0.5, jitter: 0.01, baseBackoffMs: 500, maxBackoffMs: 30_000 };

/** Nothing held: the first certificate is due at once. */
export const NOTHING_HELD: RotationState = { kind: "due", held: undefined };

/** The state of a certificate that is held already, as after a restart. */
export function fresh(held: Held, random: number, options: RotationOptions = DEFAULT_ROTATION): RotationState {
  const lifetime = Math.max(0, held.notAfterMs - held.sinceMs);
  const part = options.ratio + (random * 2 - 1) * options.jitter;
  return { kind: "fresh", held, renewAtMs: held.sinceMs + lifetime * part };
}

/**
 * The next state. `random` is from 0 to 1 (excluded), drawn by the caller. An event that does not fit the state changes nothing:
 * an answer may arrive after another has replaced what it was for.
 */
export function advance(
  state: RotationState,
  event: RotationEvent,
  nowMs: number,
  random: number,
  options: RotationOptions = DEFAULT_ROTATION,
): RotationState {
  switch (event.kind) {
    case "tick":
      return tick(state, nowMs);
    case "started":
      return state.kind === "renewing" ? state : { kind: "renewing", held: state.held, failures: failuresOf(state) };
    case "issued":
      return fresh({ sinceMs: nowMs, notAfterMs: event.notAfterMs }, random, options);
    case "failed":
      return state.kind === "renewing" ? failed(state, event.reason, nowMs, random, options) : state;
  }
}

/** When a tick can change the state next, or a renewal must start; undefined while a renewal is on its way. */
export function wakeAtMs(state: RotationState): number | undefined {
  switch (state.kind) {
    case "fresh":
      return state.renewAtMs;
    case "due":
      return 0;
    case "renewing":
      return undefined;
    case "failed":
      return state.held === undefined ? state.retryAtMs : Math.min(state.retryAtMs, state.held.notAfterMs);
    case "expired":
      return state.retryAtMs;
  }
}

/** Whether a renewal should start now. */
export function mustRenew(state: RotationState, nowMs: number): boolean {
  switch (state.kind) {
    case "due":
      return true;
    case "failed":
    case "expired":
      return nowMs >= state.retryAtMs;
    default:
      return false;
  }
}

function tick(state: RotationState, nowMs: number): RotationState {
  if (state.kind === "fresh" && nowMs >= state.renewAtMs) return { kind: "due", held: state.held };
  if (state.kind === "failed" && state.held !== undefined && nowMs > state.held.notAfterMs)
    return { ...state, kind: "expired", held: state.held };
  return state;
}

function failed(
  { held, failures }: { readonly held: Held | undefined; readonly failures: number },
  reason: string,
  nowMs: number,
  random: number,
  options: RotationOptions,
): RotationState {
  // Half fixed, half random: a fleet that lost its authority comes back spread out, and nobody asks again at once.
  const ceiling = Math.min(options.maxBackoffMs, options.baseBackoffMs * 2 ** Math.min(failures, 30));
  const next = { failures: failures + 1, retryAtMs: nowMs + (ceiling * (1 + random)) / 2, reason };
  return held !== undefined && nowMs > held.notAfterMs
    ? { kind: "expired", held, ...next }
    : { kind: "failed", held, ...next };
}

function failuresOf(state: RotationState): number {
  return state.kind === "failed" || state.kind === "expired" || state.kind === "renewing" ? state.failures : 0;
}
