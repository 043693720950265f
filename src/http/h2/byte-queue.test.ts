import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteQueue } from "./byte-queue.ts";

test("bytes come out in order, whatever is pushed and dropped in between", () => {
  const step = fc.oneof(
    fc.record({ push: fc.uint8Array({ maxLength: 6_000 }), from: fc.nat(50) }),
    fc.record({ drop: fc.nat(8_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue();
      let expected = Buffer.alloc(0);
      for (const action of steps) {
        if ("push" in action) {
          const from = Math.min(action.from, action.push.length);
          queue.push(action.push, from, action.push.length);
          expected = Buffer.concat([expected, action.push.subarray(from)]);
        } else {
          const count = Math.min(action.drop, queue.length);
          const target = Buffer.alloc(count + 2);
          queue.view(count).copy(target, 1);
          queue.drop(count);
          expect(target.subarray(1, count + 1).equals(expected.subarray(0, count))).toBe(true);
          expected = expected.subarray(count);
        }
        expect(queue.length).toBe(expected.length);
      }
      expect(queue.take().equals(expected)).toBe(true);
      expect(queue.length).toBe(0);
    }),
  );
});
