import { expect, test } from "bun:test";
import { HandshakeQueue, type QueuedHandshake } from "./handshake-queue.ts";

class Clock {
  readonly due: (() => void)[] = [];
  after = (_ms: number, callback: () => void) => void this.due.push(callback);

  /** The gap is over. */
  tick(): void {
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
