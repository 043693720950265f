// An instance ends under load. Its sidecar is gone afterwards: these cases come last.

import { expect, test } from "bun:test";
import type { Pair } from "../pair.ts";

export function leavingCases(pair: Pair): void {
  test("an instance that ends takes no request with it", async () => {
    await pair.route("  - route: [{destination: {host: golden}}]");
    let failed = 0;
    let running = true;
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (running) {
          const status = await pair.get("/").then(
            (response) => response.status,
            () => 0,
          );
          if (status !== 200) failed++;
        }
      }),
    );
    await pair.v2.stop();
    await Bun.sleep(200);
    running = false;
    await load;
    expect(failed).toBe(0);
  }, 20_000);
}
