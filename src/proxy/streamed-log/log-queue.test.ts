import { expect, test } from "bun:test";
import { until } from "../../base/until-fixture.ts";
import { type LogChannel, LogQueue } from "./log-queue.ts";

class Channel implements LogChannel {
  told: number[] = [];
  isOpen = true;
  isClosed = false;
  readonly isBusy = false;

  canTell(): boolean {
    return this.isOpen;
  }

  tell(entries: readonly Uint8Array[]): void {
    this.told.push(entries.length);
  }

  close(): void {
    this.isClosed = true;
  }
}

function queueOf(bufferBytes: number, flushMs = 60_000) {
  const channel = new Channel();
  const queue = new LogQueue({ bufferBytes, flushMs }, { written: 0, dropped: 0 }, () => channel);
  return { channel, queue };
}

const KIB = new Uint8Array(1_024);

test("entries wait until there are so many bytes of them, or until the end", () => {
  const { channel, queue } = queueOf(3_000);
  for (let i = 0; i < 7; i++) queue.add(KIB);
  expect(channel.told).toEqual([3, 3]);
  queue.close();
  expect(channel).toMatchObject({ told: [3, 3, 1], isClosed: true });
  expect(queue.stats).toEqual({ written: 7, dropped: 0 });
});

test("entries wait no longer than they may", async () => {
  const { channel, queue } = queueOf(3_000, 10);
  queue.add(KIB);
  expect(channel.told).toEqual([]);
  await until("the entry", () => channel.told.length > 0);
  queue.close();
});

test("what cannot be told waits, no more than 1 MiB of it; the others are dropped and counted", () => {
  const { channel, queue } = queueOf(3_000);
  channel.isOpen = false;
  for (let i = 0; i < 1_030; i++) queue.add(KIB);
  expect(channel.told).toEqual([]);
  expect(queue.stats).toEqual({ written: 1_024, dropped: 6 });
  channel.isOpen = true;
  queue.onReady();
  expect(channel.told).toEqual([1_024]);
  queue.close();
});

test("at the end what waits is told once it can be, and then nothing follows", () => {
  const { channel, queue } = queueOf(3_000);
  channel.isOpen = false;
  queue.add(KIB);
  queue.close();
  expect(channel).toMatchObject({ told: [], isClosed: false });
  channel.isOpen = true;
  queue.flush();
  expect(channel).toMatchObject({ told: [1], isClosed: true });
});
