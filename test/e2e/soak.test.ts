// The soak in short: a mesh of three sidecars under every protocol while everything about it changes. `npm run soak` is the long form.

import { expect, test } from "bun:test";
import { soak } from "../soak/soak.ts";

const SECONDS = 20;
/** After the load, connections are given their drain time. */
const LIMIT_MS = 120_000;

test.skipIf(process.platform !== "linux")(
  "what clients, applications, logs and metrics say adds up, and nothing is left",
  async () => {
    const { entries, findings, changes } = await soak({ seconds: SECONDS, seed: 20 });
    expect(findings).toEqual([]);
    const count = new Map(entries);
    expect(count.get("  ended whole")).toBeGreaterThan(0);
    expect(count.get("  ended hung")).toBeUndefined();
    expect(changes.certificates).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
