import { expect, test } from "bun:test";
import { complete, StepRunner, type Steps } from "./steps.ts";

/** Every look at the clock is a millisecond; turns are taken by hand. */
class Turns {
  readonly due: (() => void)[] = [];
  #now = 0;
  now = () => this.#now++;
  /** Nothing, unless requests are said to take all of the time. */
  busy = false;
  used = () => (this.busy ? this.#now : 0);
  defer = (callback: () => void) => void this.due.push(callback);

  /** The next turn; false when nobody asked for one. */
  turn(): boolean {
    const callback = this.due.shift();
    callback?.();
    return callback !== undefined;
  }
}

function* counting(name: string, steps: number, into: string[]): Steps<void> {
  for (let i = 0; i < steps; i++) {
    into.push(`${name}${i}`);
    yield;
  }
}

test("a slice has as many steps as fit, and the rest has its turns", () => {
  const turns = new Turns();
  const runner = new StepRunner(turns, 10);
  const done: string[] = [];
  runner.start(counting("a", 95, done));
  const sizes = [done.length];
  while (turns.turn()) sizes.push(done.length - sizes.reduce((a, b) => a + b, 0));
  expect(done.length).toBe(95);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
  expect(sizes.length).toBeGreaterThanOrEqual(10);
});

test("what fits into a slice is done at once", () => {
  const turns = new Turns();
  const done: string[] = [];
  new StepRunner(turns, 10).start(counting("a", 5, done));
  expect(done.length).toBe(5);
  expect(turns.due.length).toBe(0);
});

test("a busy loop has more rests, and the work goes on nevertheless", () => {
  const turns = new Turns();
  const done: string[] = [];
  new StepRunner(turns, 4).start(counting("a", 12, done));
  const restsOfASlice = () => {
    const before = done.length;
    let rests = 0;
    for (; done.length === before && turns.turn(); rests++);
    return rests;
  };
  expect(restsOfASlice()).toBe(1);
  turns.busy = true;
  expect(restsOfASlice()).toBe(5);
  turns.busy = false;
  while (turns.turn());
  expect(done.length).toBe(12);
});

test("two works take turns, and what comes meanwhile waits for one", () => {
  const turns = new Turns();
  const runner = new StepRunner(turns, 4);
  const done: string[] = [];
  runner.start(counting("a", 12, done));
  const first = done.length;
  runner.start(counting("b", 2, done));
  expect(done.length).toBe(first);
  turns.turn();
  turns.turn();
  expect(done).toContain("b1");
  expect(done).not.toContain("a11");
  while (turns.turn());
  expect(done.filter((step) => step.startsWith("a")).length).toBe(12);
});

test("a step that throws ends its own work alone", () => {
  const turns = new Turns();
  const runner = new StepRunner(turns, 4);
  const done: string[] = [];
  runner.start(counting("a", 12, done));
  runner.start(
    // biome-ignore lint/correctness/useYield: it does not come so far
    (function* (): Steps<void> {
      throw new Error("no");
    })(),
  );
  turns.turn();
  expect(() => turns.turn()).toThrow("no");
  while (turns.turn());
  expect(done).toContain("a11");
});

test("work that starts more work from within a step does not nest it", () => {
  const turns = new Turns();
  const runner = new StepRunner(turns, 100);
  const done: string[] = [];
  runner.start(
    (function* (): Steps<void> {
      runner.start(counting("inner", 1, done));
      done.push("outer");
      yield;
    })(),
  );
  while (turns.turn());
  expect(done).toEqual(["outer", "inner0"]);
});

test("complete runs to the result", () => {
  expect(
    complete(
      (function* (): Steps<number> {
        yield;
        return 7;
      })(),
    ),
  ).toBe(7);
});

test("what waits for something lets others go on, and goes on in a slice of its own", async () => {
  const turns = new Turns();
  const runner = new StepRunner(turns, 4);
  const done: string[] = [];
  for (const settle of ["resolve", "reject"] as const) {
    done.length = 0;
    const waited = Promise.withResolvers<void>();
    runner.start(
      (function* () {
        done.push("before");
        yield waited.promise;
        yield* counting("a", 2, done);
      })(),
    );
    runner.start(counting("b", 12, done));
    while (turns.turn());
    expect(done).toEqual(["before", ...Array.from({ length: 12 }, (_, i) => `b${i}`)]);
    waited[settle]();
    await waited.promise.catch(() => {});
    while (turns.turn());
    expect(done.slice(13)).toEqual(["a0", "a1"]);
  }
});

test("what would have to wait is not completed at once", () => {
  const waiting = (function* (): Steps<void> {
    yield Promise.resolve();
  })();
  expect(() => complete(waiting)).toThrow("cannot be completed at once");
});
