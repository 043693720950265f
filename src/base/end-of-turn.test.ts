import { expect, test } from "bun:test";
import { afterTurn, atEndOfTurn, eventBegins, eventEnds } from "./end-of-turn.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What happened, in order. */
class Story {
  readonly told: string[] = [];

  writes(name: string, then?: () => void): void {
    const { told } = this;
    atEndOfTurn({
      flush() {
        told.push(name);
        then?.();
      },
    });
  }

  remembers(name: string): void {
    const { told } = this;
    afterTurn({ afterTurn: () => void told.push(name) });
  }
}

/** An event as a socket's handler sees it; gives whether it was taken for one that comes alone. */
function event(story: Story, name: string): boolean {
  const alone = eventBegins();
  story.writes(name);
  if (alone) eventEnds();
  return alone;
}

/** Turns of one event each, after which events count as coming alone. */
async function becomeQuiet(): Promise<void> {
  const story = new Story();
  for (let i = 0; i < 100; i++) {
    const alone = event(story, "");
    await turn();
    if (alone) return;
  }
  throw new Error("never quiet");
}

async function becomeBusy(): Promise<void> {
  const story = new Story();
  for (let i = 0; i < 100; i++) {
    const quiet = [event(story, ""), event(story, "")];
    await turn();
    if (!quiet.includes(true)) return;
  }
  throw new Error("never busy");
}

test("what a turn wrote leaves before what is told of it, and before the next turn's", async () => {
  await becomeBusy();
  const story = new Story();
  story.remembers("log");
  story.writes("first", () => story.writes("next turn"));
  story.writes("second");
  expect(story.told).toEqual([]);
  await turn();
  expect(story.told).toEqual(["first", "second", "log"]);
  await turn();
  expect(story.told).toEqual(["first", "second", "log", "next turn"]);
});

test("what is told alone has its turn, too", async () => {
  const story = new Story();
  story.remembers("log");
  await turn();
  expect(story.told).toEqual(["log"]);
});

test("one that throws costs the others nothing but a turn", async () => {
  await becomeQuiet();
  const story = new Story();
  expect(eventBegins()).toBe(true);
  story.writes("bad", () => {
    throw new Error("expected");
  });
  story.writes("good");
  story.remembers("log");
  expect(eventEnds).toThrow("expected");
  expect(story.told).toEqual(["bad"]);
  await turn();
  expect(story.told).toEqual(["bad", "good", "log"]);
});

test("events that come together leave together", async () => {
  await becomeBusy();
  const story = new Story();
  expect(event(story, "one")).toBe(false);
  expect(event(story, "two")).toBe(false);
  expect(story.told).toEqual([]);
  await turn();
  expect(story.told).toEqual(["one", "two"]);
});

test("the output of an event that comes alone leaves with it", async () => {
  await becomeQuiet();
  const story = new Story();
  const alone = eventBegins();
  story.remembers("log");
  story.writes("answer", () => story.writes("next turn"));
  expect(story.told).toEqual([]);
  expect(alone).toBe(true);
  eventEnds();
  expect(story.told).toEqual(["answer", "log"]);
  await turn();
  expect(story.told).toEqual(["answer", "log", "next turn"]);
});

test("an event joins what waits for the end of the turn already", async () => {
  await becomeQuiet();
  const story = new Story();
  story.writes("of a timer");
  expect(event(story, "of an event")).toBe(false);
  expect(story.told).toEqual([]);
  await turn();
  expect(story.told).toEqual(["of a timer", "of an event"]);
});

test("events that begin to come together are noticed within a few turns", async () => {
  await becomeQuiet();
  const story = new Story();
  let together = 0;
  for (let i = 0; i < 40; i++) {
    if (!event(story, "a") && !event(story, "b")) together++;
    await turn();
  }
  expect(together).toBeGreaterThan(20);
  expect(event(story, "a")).toBe(false);
});
