import { describe, expect, test } from "bun:test";
import type { ByteStream } from "../net/byte-stream.ts";
import { internalStreams } from "./internal-stream.ts";
import { until } from "./raw-peer-fixture.ts";

const SOURCE = { address: "10.0.0.1", port: 1 };
const DESTINATION = { address: "10.0.0.2", port: 2 };

class Recorder {
  text = "";
  drains = 0;
  readonly events: string[] = [];
  readonly stream: ByteStream;

  constructor(stream: ByteStream) {
    this.stream = stream;
    stream.listener = {
      receive: (chunk) => {
        this.text += Buffer.from(chunk).toString("latin1");
      },
      drained: () => {
        this.drains++;
      },
      ended: () => void this.events.push("ended"),
      closed: () => void this.events.push("closed"),
    };
  }

  hears(event: string): Promise<void> {
    return until(`${event} after ${this.events.join()}`, () => this.events.includes(event));
  }
}

function pair(): readonly [Recorder, Recorder] {
  const [connecting, accepting] = internalStreams(SOURCE, DESTINATION);
  return [new Recorder(connecting), new Recorder(accepting)];
}

test("each end is the other's mirror", async () => {
  const [a, b] = pair();
  expect([a.stream.local, a.stream.remote]).toEqual([SOURCE, DESTINATION]);
  expect([b.stream.local, b.stream.remote]).toEqual([DESTINATION, SOURCE]);
  expect(a.stream.write(Buffer.from("ping"))).toBe(4);
  expect(b.text).toBe(""); // never from within the write
  b.stream.write(Buffer.from("pong"));
  await until("both", () => b.text === "ping" && a.text === "pong");
});

test("what is written may be changed by its writer afterwards", async () => {
  const [a, b] = pair();
  const bytes = Buffer.from("before");
  a.stream.write(bytes);
  bytes.fill("x");
  await until("bytes", () => b.text !== "");
  expect(b.text).toBe("before");
});

test("a paused reader fills the stream; it takes no more, and says when it does again", async () => {
  const [a, b] = pair();
  b.stream.pause();
  const block = Buffer.alloc(200_000, "x");
  const taken = [a.stream.write(block), a.stream.write(block), a.stream.write(block)];
  expect(taken[0]).toBe(200_000);
  expect(taken[1]).toBeLessThan(200_000);
  expect(taken[2]).toBe(0);
  expect(b.text).toBe("");
  b.stream.resume();
  await until("room again", () => a.drains === 1);
  expect(b.text.length).toBe(taken[0]! + taken[1]!);
  expect(a.stream.write(block)).toBe(200_000);
});

describe("half close", () => {
  test("the end follows the bytes, the other direction goes on, and both ends close once both have ended", async () => {
    const [a, b] = pair();
    a.stream.write(Buffer.from("question"));
    a.stream.end();
    await b.hears("ended");
    expect(b.text).toBe("question");
    b.stream.write(Buffer.from("answer"));
    b.stream.end();
    await a.hears("closed");
    await b.hears("closed");
    expect(a.text).toBe("answer");
    expect(a.events).toEqual(["ended", "closed"]);
    expect(b.events).toEqual(["ended", "closed"]);
  });

  test("both at once", async () => {
    const [a, b] = pair();
    a.stream.end();
    b.stream.end();
    await a.hears("closed");
    await b.hears("closed");
    expect([a.events, b.events]).toEqual([
      ["ended", "closed"],
      ["ended", "closed"],
    ]);
  });

  test("waits for a paused reader", async () => {
    const [a, b] = pair();
    b.stream.pause();
    a.stream.write(Buffer.from("question"));
    a.stream.end();
    b.stream.write(Buffer.from("x"));
    await until("a turn", () => a.text === "x");
    expect(b.events).toEqual([]);
    b.stream.resume();
    await b.hears("ended");
    expect(b.text).toBe("question");
  });
});

describe("reset", () => {
  for (const who of ["connecting", "accepting"] as const) {
    test(`by the ${who} end closes both, each once, and nothing is taken any more`, async () => {
      const [a, b] = pair();
      const [breaker, other] = who === "connecting" ? [a, b] : [b, a];
      breaker.stream.terminate();
      await breaker.hears("closed");
      await other.hears("closed");
      breaker.stream.terminate();
      other.stream.terminate();
      expect([a.events, b.events]).toEqual([["closed"], ["closed"]]);
      expect([a.stream.write(Buffer.from("x")), b.stream.write(Buffer.from("x"))]).toEqual([-1, -1]);
    });
  }

  test("whoever resets hears no bytes any more", async () => {
    const [a, b] = pair();
    b.stream.write(Buffer.from("late"));
    a.stream.terminate();
    await a.hears("closed");
    expect(a.text).toBe("");
  });

  test("a paused end is told too", async () => {
    const [a, b] = pair();
    b.stream.pause();
    a.stream.write(Buffer.from("x"));
    a.stream.terminate();
    await b.hears("closed");
  });
});
