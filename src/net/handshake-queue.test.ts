import { expect, test } from "bun:test";
import { HandshakeQueue, type QueuedHandshake } from "./handshake-queue.ts";

class Clock {
  readonly due: (() => void)[] = [];
  readonly gaps: number[] = [];
  #now = 0;
  now = () => this.#now;
  after = (ms: number, callback: () => void) => {
    this.gaps.push(ms);
    this.due.push(callback);
  };

  /** The gap is over, and has been for so long. */
  tick(lateMs = 0): void {
    this.#now += (this.gaps.at(-1) ?? 0) + lateMs;
    this.due.shift()?.();
  }
}

function queue(maxWaiting?: number) {
  const clock = new Clock();
  const begun: number[] = [];
  const handshake = (id: number, here = true): QueuedHandshake => ({
    begin() {
      if (here) begun.push(id);
      return here;
    },
  });
  return { clock, begun, handshake, queue: new HandshakeQueue(clock, maxWaiting) };
}

test("one begins at once, the others in the order in which they came, one for each gap", () => {
  const { clock, begun, handshake, queue: one } = queue();
  expect(one.enter(handshake(0))).toBe("begun");
  for (let i = 1; i < 100; i++) expect(one.enter(handshake(i))).toBe("waits");
  for (let ticks = 1; ticks <= 100; ticks++) {
    expect(begun.length).toBe(ticks);
    clock.tick();
  }
  expect(begun).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(one.waiting).toBe(0);
  expect(clock.due.length).toBe(0); // nothing ticks while nobody waits
  expect(one.enter(handshake(100))).toBe("begun");
});

test("who has gone meanwhile costs no turn, and no more wait than may", () => {
  const { clock, begun, handshake, queue: one } = queue(3);
  one.enter(handshake(0));
  for (const here of [false, false, true]) expect(one.enter(handshake(here ? 3 : 1, here))).toBe("waits");
  expect(one.enter(handshake(4))).toBe("refused");
  clock.tick();
  expect(begun).toEqual([0, 3]);
  expect(one.waiting).toBe(0);
  clock.tick();
  one.enter(handshake(5, false)); // gone before it began: the next need not wait for it
  expect(one.enter(handshake(6))).toBe("begun");
});

test("a busy loop has longer gaps, up to a bound; one with time to spare shorter ones again", () => {
  const { clock, handshake, queue: one } = queue();
  for (let i = 0; i < 100; i++) one.enter(handshake(i));
  for (let i = 0; i < 7; i++) clock.tick(1.5);
  expect(clock.gaps).toEqual([1, 2, 4, 8, 16, 32, 40, 40]);
  clock.gaps.length = 0;
  for (let i = 0; i < 20; i++) clock.tick(0.5);
  expect(clock.gaps).toEqual([35, 31, 28, 25, 22, 20, 18, 16, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
});

test("the more wait, the shorter the gaps of a busy loop are: who came last waits for five seconds", () => {
  const { clock, begun, handshake, queue: one } = queue();
  for (let i = 0; i < 2_000; i++) one.enter(handshake(i));
  while (one.waiting > 0) clock.tick(1.5);
  expect(begun.length).toBe(2_000);
  expect(Math.max(...clock.gaps)).toBe(2);
  expect(clock.now()).toBeGreaterThan(4_000);
  expect(clock.now()).toBeLessThan(7_500); // each gap ends 1.5 ms late
});
