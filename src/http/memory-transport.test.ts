import { expect, test } from "bun:test";
import { MemoryTransport, settle } from "./memory-transport.ts";
import type { Connection } from "./stream.ts";

class Recorder implements Connection {
  readonly buffered = 0;
  readonly active = 0;
  readonly events: string[] = [];
  receive(chunk: Uint8Array): void {
    this.events.push(Buffer.from(chunk).toString("latin1"));
  }
  drained(): void {
    this.events.push("drained");
  }
  ended(): void {
    this.events.push("ended");
  }
  closed(): void {
    this.events.push("closed");
  }
  shutdown(): void {}
}

function wire(capacity?: number): [MemoryTransport, MemoryTransport, Recorder, Recorder] {
  const [left, right] = MemoryTransport.pair(capacity);
  const [a, b] = [new Recorder(), new Recorder()];
  left.attach(a);
  right.attach(b);
  return [left, right, a, b];
}

test("bytes, FIN and close arrive in order, in a later turn", async () => {
  const [left, right, a, b] = wire();
  expect(left.write(Buffer.from("one"))).toBe(3);
  left.write(Buffer.from("two"));
  left.end();
  expect(b.events).toEqual([]);
  await settle();
  expect(b.events).toEqual(["one", "two", "ended"]);
  right.end();
  await settle();
  expect(a.events).toEqual(["ended", "closed"]);
  expect(b.events.at(-1)).toBe("closed");
});

test("a full wire takes a part and says when it takes more", async () => {
  const [left, right, a, b] = wire(4);
  right.pause();
  expect(left.write(Buffer.from("abcdef"))).toBe(4);
  expect(left.write(Buffer.from("ef"))).toBe(0);
  await settle();
  expect(a.events).toEqual([]);
  right.resume();
  await settle();
  expect(b.events).toEqual(["abcd"]);
  expect(a.events).toEqual(["drained"]);
});

test("a part of a buffer goes without its surroundings", async () => {
  const [left, , , b] = wire(4);
  expect(left.write(Buffer.from("<abc>"), 1, 3)).toBe(3);
  await settle();
  expect(left.write(Buffer.from("<abcdef"), 2)).toBe(4);
  await settle();
  expect(b.events).toEqual(["abc", "bcde"]);
});

test("a paused end is told of nothing, a terminated one only of its close", async () => {
  const [left, right, , b] = wire();
  right.pause();
  left.write(Buffer.from("x"));
  left.end();
  await settle();
  expect(b.events).toEqual([]);
  left.terminate();
  await settle();
  expect(b.events).toEqual(["closed"]);
  expect(right.write(Buffer.from("y"))).toBe(-1);
});

test("an end without a connection keeps what arrived for the test", () => {
  const [left, right] = MemoryTransport.pair();
  left.write(Buffer.from("a"));
  left.write(Buffer.from("b"));
  expect(right.take().toString()).toBe("ab");
  expect(right.take().toString()).toBe("");
});
