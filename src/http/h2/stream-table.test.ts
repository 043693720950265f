import { expect, test } from "bun:test";
import fc from "fast-check";
import { StreamTable } from "./stream-table.ts";

test("behaves as a map, though ids share slots", () => {
  const id = fc.integer({ min: 0, max: 2_000 }).map((n) => n * 2 + 1);
  fc.assert(
    fc.property(fc.array(fc.record({ id, remove: fc.boolean() }), { maxLength: 400 }), (steps) => {
      const table = new StreamTable<{ id: number }>();
      const map = new Map<number, { id: number }>();
      for (const step of steps) {
        const known = map.get(step.id);
        expect(table.get(step.id)).toBe(known);
        if (known === undefined) {
          const stream = { id: step.id };
          table.add(stream);
          map.set(step.id, stream);
        } else if (step.remove) {
          table.delete(known);
          table.delete(known);
          map.delete(step.id);
        }
        expect(table.size).toBe(map.size);
      }
      expect(new Set(table.list())).toEqual(new Set(map.values()));
    }),
  );
});
