import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readEvents } from "./events.ts";

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function namesOf(stream: ReadableStream<Uint8Array>): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const event of readEvents(stream))
    names.push(event.kind === "error" ? "error" : event.object.metadata.name);
  return names;
}

describe("the lines of a watch", () => {
  const lines = ["ä", "b\\n", "🕸"].map((name) => `{"type":"ADDED","object":{"metadata":{"name":"${name}"}}}\n`);
  const bytes = new TextEncoder().encode(`\n${lines.join("")}`);

  test("are the same however the network cuts them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 8 }), async (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.slice(at[index], end));
        expect(await namesOf(streamOf(chunks))).toEqual(["ä", "b\n", "🕸"]);
      }),
    );
  });

  test("that are cut off at the end are dropped", async () => {
    expect(await namesOf(streamOf([bytes.slice(0, -10)]))).toEqual(["ä", "b\n"]);
  });

  test.each(['{"type":"ADDED"}', '{"type":"GROWN","object":{}}', "[]", "nonsense"])("%p is refused", async (line) => {
    expect(namesOf(streamOf([new TextEncoder().encode(`${line}\n`)]))).rejects.toThrow();
  });

  test("are bounded", async () => {
    const chunk = new Uint8Array(1024 * 1024).fill(0x20);
    expect(namesOf(streamOf(Array.from({ length: 20 }, () => chunk)))).rejects.toThrow("longer than");
  });
});
