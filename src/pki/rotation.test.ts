import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  advance,
  DEFAULT_ROTATION,
  fresh,
  mustRenew,
  NOTHING_HELD,
  type RotationEvent,
  type RotationState,
  wakeAtMs,
} from "./rotation.ts";

const DAY_MS = 86_400_000;
const held = { sinceMs: 0, notAfterMs: DAY_MS };

/** Feeds events one after the other; `random` is 0.5, which means no jitter. */
function play(
  state: RotationState,
  ...steps: readonly (readonly [nowMs: number, event: RotationEvent])[]
): RotationState {
  return steps.reduce((current, [nowMs, event]) => advance(current, event, nowMs, 0.5), state);
}

const tick: RotationEvent = { kind: "tick" };
const started: RotationEvent = { kind: "started" };
const refused: RotationEvent = { kind: "failed", reason: "connection refused" };

describe("a certificate", () => {
  test("is due after half of the time that it is held, give or take 1 %", () => {
    expect(fresh(held, 0.5)).toMatchObject({ renewAtMs: DAY_MS / 2 });
    expect(fresh(held, 0)).toMatchObject({ renewAtMs: DAY_MS * 0.49 });
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1_000, max: DAY_MS }),
        (random, lifetime) => {
          const state = fresh({ sinceMs: 5, notAfterMs: 5 + lifetime }, random);
          const part = ((wakeAtMs(state) ?? 0) - 5) / lifetime;
          expect(part).toBeGreaterThanOrEqual(0.49 - 1e-9);
          expect(part).toBeLessThanOrEqual(0.51 + 1e-9);
        },
      ),
    );
  });

  test("of 20 s is renewed after 10 s although it is back-dated by a minute", () => {
    const issued = play(NOTHING_HELD, [0, started], [1_000, { kind: "issued", notAfterMs: 21_000 }]);
    expect(issued).toEqual({ kind: "fresh", held: { sinceMs: 1_000, notAfterMs: 21_000 }, renewAtMs: 11_000 });
  });

  test("that is already past its end when it comes is due at once", () => {
    expect(mustRenew(play(NOTHING_HELD, [0, started], [10, { kind: "issued", notAfterMs: 5 }], [10, tick]), 10)).toBe(
      true,
    );
  });
});

describe("the states", () => {
  test("go from fresh to due to renewing to fresh", () => {
    const start = fresh(held, 0.5);
    expect(play(start, [DAY_MS / 2 - 1, tick])).toBe(start);
    const due = play(start, [DAY_MS / 2, tick]);
    expect(due).toEqual({ kind: "due", held });
    expect(mustRenew(due, DAY_MS / 2)).toBe(true);
    const renewing = play(due, [DAY_MS / 2, started]);
    expect(renewing).toEqual({ kind: "renewing", held, failures: 0 });
    expect(wakeAtMs(renewing)).toBeUndefined();
    expect(play(renewing, [DAY_MS / 2, { kind: "issued", notAfterMs: 2 * DAY_MS }]).kind).toBe("fresh");
  });

  test("fail with a growing, bounded back-off and keep the certificate", () => {
    let state: RotationState = { kind: "due", held };
    const waits: number[] = [];
    for (let attempt = 0; attempt < 10; attempt++) {
      state = play(state, [1_000, started], [1_000, refused]);
      waits.push((wakeAtMs(state) ?? 0) - 1_000);
    }
    expect(waits.slice(0, 4)).toEqual([375, 750, 1_500, 3_000]);
    expect(waits.at(-1)).toBe(DEFAULT_ROTATION.maxBackoffMs * 0.75);
    expect(state).toMatchObject({ kind: "failed", held, failures: 10, reason: "connection refused" });
    expect(mustRenew(state, 1_000)).toBe(false);
    expect(mustRenew(state, 1_000 + waits.at(-1)!)).toBe(true);
  });

  test("expire at the end of the certificate, in the middle of a back-off or of a renewal, and still renew", () => {
    const failed = play({ kind: "due", held }, [DAY_MS - 10, started], [DAY_MS - 10, refused]);
    expect(wakeAtMs(failed)).toBe(DAY_MS);
    const expired = play(failed, [DAY_MS + 1, tick]);
    expect(expired.kind).toBe("expired");
    expect(play({ kind: "due", held }, [DAY_MS - 10, started], [DAY_MS + 1, refused]).kind).toBe("expired");
    expect(
      play(expired, [DAY_MS + 500, started], [DAY_MS + 500, { kind: "issued", notAfterMs: 2 * DAY_MS }]).kind,
    ).toBe("fresh");
  });

  test("without a first certificate fail and retry, and never expire", () => {
    const failed = play(NOTHING_HELD, [0, started], [0, refused], [DAY_MS, tick]);
    expect(failed).toMatchObject({ kind: "failed", held: undefined, failures: 1 });
    expect(mustRenew(failed, DAY_MS)).toBe(true);
  });

  test("ignore an answer for which nobody waits", () => {
    const start = fresh(held, 0.5);
    expect(play(start, [10, refused])).toBe(start);
  });

  test("never forget the held certificate and never wait for ever, whatever happens", () => {
    const event = fc.oneof(fc.constant(tick), fc.constant(started), fc.constant(refused));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(DAY_MS), event)), (steps) => {
        let now = 0;
        let state = fresh(held, 0.5);
        for (const [elapsed, next] of steps) {
          now += elapsed;
          state = advance(state, next, now, 0.5);
          expect(state.held).toEqual(held);
          expect(state.kind === "renewing" || Number.isFinite(wakeAtMs(state))).toBe(true);
        }
      }),
    );
  });
});
