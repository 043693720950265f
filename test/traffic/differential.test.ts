// Generated meshes on Heddle's proxy and on Envoy, with one set of requests: what clients, applications and logs see must be the same.
// A difference is a fault of Heddle's, or stands in differential/declared.ts with its reason. What `heddle explain` says is held against it, too.
//
//     DIFFERENTIAL_MESHES=500 DIFFERENTIAL_SEED=7 npm test -- test/traffic/differential.test.ts

import { test } from "bun:test";
import fc from "fast-check";
import { findComponent } from "../../scripts/components.ts";
import { configureLog } from "../../src/base/log.ts";
import { anyMesh } from "./differential/mesh.ts";
import { anyRequest } from "./differential/requests.ts";
import { Laboratory } from "./differential/run.ts";

const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 20_261_128);
const MESHES = Number(process.env.DIFFERENTIAL_MESHES ?? 12);
/** At most, of each mesh, on either protocol. */
const REQUESTS = 40;
const SHRINKING_MS = 120_000;

configureLog({ level: process.env.TEST_LOG === "debug" ? "debug" : "off" });

test.skipIf(findComponent("envoy") === undefined && process.env.CI !== "true")(
  `${MESHES} generated meshes are the same on both proxies (needs envoy)`,
  async () => {
    const laboratory = await Laboratory.start();
    const requests = fc.array(anyRequest, { minLength: 1, maxLength: REQUESTS, size: "max" });
    try {
      const property = fc.asyncProperty(anyMesh, requests, async (mesh, asked) => {
        const [first, ...more] = await laboratory.differences(mesh, asked);
        if (!first) return;
        const { request, protocol, words } = first;
        throw new Error(
          `${protocol} ${JSON.stringify(request)} (and ${more.length} more): ${JSON.stringify(words, null, 2)}`,
        );
      });
      await fc.assert(property, {
        seed: SEED,
        numRuns: MESHES,
        interruptAfterTimeLimit: MESHES * 2_000 + SHRINKING_MS,
        markInterruptAsFailure: false,
      });
    } finally {
      laboratory.stop();
    }
  },
  MESHES * 4_000 + SHRINKING_MS,
);
