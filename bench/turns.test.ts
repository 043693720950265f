import { expect, test } from "bun:test";
import { turnsOf } from "./turns.ts";

const LOOP = 100;
const HELPER = 101;
const OTHER = 200;
const loop = { loop: LOOP, threads: new Set([LOOP, HELPER]) };

const line = (thread: number, ms: number, what: string): string =>
  `          name-${thread}   [001] d..2.  ${(ms / 1_000).toFixed(6)}: ${what}`;
const awake = (ms: number) => line(LOOP, ms, "sys_epoll_pwait2 -> 0x1");
const asleep = (ms: number) => line(LOOP, ms, "sys_epoll_pwait2(epfd: 5, events: 7f, maxevents: 400, timeout: 0)");
const switched = (ms: number, from: number, state: string, to: number) =>
  line(
    from,
    ms,
    `sched_switch: prev_comm=a b prev_pid=${from} prev_prio=120 prev_state=${state} ==> next_comm=c next_pid=${to} next_prio=120`,
  );
const woken = (ms: number, by: number) => line(by, ms, `sched_wakeup: comm=a b pid=${LOOP} prio=120 target_cpu=001`);

function times(...lines: string[]): readonly (readonly number[])[] {
  const turns = turnsOf(["# tracer: nop", ...lines].join("\n"), loop);
  return turns.map(({ wallMs, ownMs, cpuMs }) => [wallMs, ownMs, cpuMs].map((ms) => Math.round(ms * 1_000) / 1_000));
}

test("a turn is what lies between two waits for events; sleeping is none", () => {
  expect(times(asleep(1), awake(5), asleep(7), awake(20), asleep(20.5), awake(21))).toEqual([
    [2, 2, 2],
    [0.5, 0.5, 0.5],
  ]);
});

test("what another process has the core for is not the loop's own", () => {
  expect(times(awake(0), switched(1, LOOP, "R+", OTHER), switched(5, OTHER, "S", LOOP), asleep(6))).toEqual([
    [6, 2, 2],
  ]);
});

test("what a thread of its process has the core for is its own, but not its CPU", () => {
  expect(times(awake(0), switched(1, LOOP, "R+", HELPER), switched(5, HELPER, "S", LOOP), asleep(6))).toEqual([
    [6, 6, 2],
  ]);
});

test("waiting for a lock is its own until somebody else's work keeps it from going on", () => {
  const waits = [awake(0), switched(1, LOOP, "S", OTHER), woken(3, OTHER), switched(7, OTHER, "R", LOOP), asleep(8)];
  expect(times(...waits)).toEqual([[8, 4, 2]]);
});

test("who was woken in the sleep between two turns has not begun one", () => {
  const lines = [
    asleep(0),
    switched(0.1, LOOP, "S", OTHER),
    woken(3, OTHER),
    switched(9, OTHER, "S", LOOP),
    awake(9.1),
  ];
  expect(times(...lines, asleep(10))).toEqual([[0.9, 0.9, 0.9]]);
});
