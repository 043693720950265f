import { expect, test } from "bun:test";
import { Alarm, TICK_MS, TimerWheel } from "./timer-wheel.ts";

const after = (ms: number) => Bun.sleep(ms);

test("deadlines ring once, in their order, not before their time", async () => {
  const wheel = new TimerWheel();
  const rung: string[] = [];
  const startedAt = performance.now();
  let early = false;
  const alarm = (name: string, ms: number) => {
    wheel.arm(
      new Alarm(() => {
        rung.push(name);
        early ||= performance.now() - startedAt < ms - TICK_MS;
      }),
      ms,
    );
  };
  alarm("late", 120);
  alarm("soon", 30);
  alarm("middle", 70);
  await after(200);
  expect(rung).toEqual(["soon", "middle", "late"]);
  expect(early).toBe(false);
});

test("a disarmed deadline never rings, one armed anew rings at its new time alone", async () => {
  const wheel = new TimerWheel();
  let rung = 0;
  const never = new Alarm(() => rung++);
  const moved = new Alarm(() => rung++);
  wheel.arm(never, 20);
  wheel.arm(moved, 20);
  wheel.arm(moved, 100);
  wheel.disarm(never);
  expect(never.armed).toBe(false);
  await after(60);
  expect(rung).toBe(0);
  await after(100);
  expect(rung).toBe(1);
});

test("callbacks may disarm and arm others that are due at the same tick", async () => {
  const wheel = new TimerWheel();
  const rung: string[] = [];
  const second = new Alarm(() => rung.push("second"));
  const third = new Alarm(() => rung.push("third"));
  // The newest of a slot is called first.
  const first = new Alarm(() => {
    rung.push("first");
    wheel.disarm(second);
    wheel.arm(third, 5_120); // a whole turn: the very slot that is being rung
  });
  wheel.arm(third, 50);
  wheel.arm(second, 50);
  wheel.arm(first, 50);
  await after(120);
  expect(rung).toEqual(["first"]);
  expect(third.armed).toBe(true);
  wheel.disarm(third);
});

test("a deadline beyond one turn of the wheel waits for it", async () => {
  const wheel = new TimerWheel();
  let rung = false;
  const far = new Alarm(() => {
    rung = true;
  });
  wheel.arm(far, 5_120 + 50);
  await after(150);
  expect(rung).toBe(false);
  wheel.disarm(far);
});

test("counts what waits: rung and disarmed ones no more", async () => {
  const wheel = new TimerWheel();
  const [rings, stays, goes] = [new Alarm(() => {}), new Alarm(() => {}), new Alarm(() => {})];
  wheel.arm(rings, TICK_MS);
  wheel.arm(stays, 60_000);
  wheel.arm(stays, 60_000);
  wheel.arm(goes, 60_000);
  wheel.disarm(goes);
  expect(wheel.armed).toBe(2);
  await after(5 * TICK_MS);
  expect(wheel.armed).toBe(1);
  wheel.disarm(stays);
  expect(wheel.armed).toBe(0);
});

test("sleeps until the next deadline when nobody uses it, and knows the time when it is asked again", async () => {
  const wheel = new TimerWheel();
  const startedAt = performance.now();
  const rung: { readonly at: number; readonly asleep: boolean }[] = [];
  const ring = () => rung.push({ at: performance.now() - startedAt, asleep: wheel.isAsleep });
  const again = new Alarm(ring);
  const first = new Alarm(() => {
    ring();
    wheel.arm(again, 400);
  });
  wheel.arm(first, 400);
  expect(wheel.isAsleep).toBe(false);
  while (rung.length < 2) await after(20);
  expect(rung.map(({ asleep }) => asleep)).toEqual([true, true]);
  expect(rung[0]!.at).toBeGreaterThanOrEqual(400 - TICK_MS);
  expect(rung[1]!.at).toBeGreaterThanOrEqual(rung[0]!.at + 400 - TICK_MS);
  expect(wheel.armed).toBe(0);
  const before = performance.now();
  expect(wheel.now).toBeGreaterThanOrEqual(before);
  expect(wheel.isAsleep).toBe(false);
});

test("a deadline armed while it sleeps rings before those that wait", async () => {
  const wheel = new TimerWheel();
  const rung: string[] = [];
  wheel.arm(new Alarm(() => rung.push("far")), 900);
  await after(300);
  wheel.arm(new Alarm(() => rung.push("near")), 50);
  await after(150);
  expect(rung).toEqual(["near"]);
  while (rung.length < 2) await after(20);
  expect(rung).toEqual(["near", "far"]);
});
