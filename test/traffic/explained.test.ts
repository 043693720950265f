// `heddle explain` against what proxies do: generated requests are sent through a mesh and explained, offline and by what its proxies say
// that they run, and the three must agree. A difference is a fault of the explanation, of a proxy, or of the compiler.

import { expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import type { Explanation } from "../../src/explain/explanation.ts";
import { difference, seen, told } from "./explained/compare.ts";
import { type Answer, exchange } from "./explained/exchange.ts";
import { type AskedRequest, requests } from "./explained/requests.ts";
import { makeTokens, type Tokens, tokenObjects } from "./explained/tokens.ts";
import { CLIENTS, type LogLine, World } from "./explained/world.ts";

const AT_ONCE = 50;
/** Another one asks other questions: EXPLAINED_SEED=7 npm test -- test/traffic/explained.test.ts. */
const SEED = Number(process.env.EXPLAINED_SEED ?? 20_261_128);

async function ask(world: World, all: readonly AskedRequest[]): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < all.length; i = next++) {
      const request = all[i]!;
      answers[i] = await exchange(request, world.portOf(request.door), String(i));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

async function differences(proxy: ProxyKind, count: number, tokens?: Tokens): Promise<readonly string[]> {
  const bare = requests(count, CLIENTS, SEED);
  const all = tokens ? tokens.onto(bare) : bare;
  const world = new World(proxy, tokens && tokenObjects(tokens.keys));
  let lines: ReadonlyMap<string, readonly LogLine[]> = new Map();
  let answers: readonly Answer[] = [];
  let explanations: readonly (readonly Explanation[])[] = [];
  let doors: readonly number[] = [];
  try {
    await world.start();
    answers = await ask(world, all);
    const questions = all.map((request, i) => world.questionOf(request, String(i)));
    explanations = questions.map((question) => [world.offline(question), world.live(question)]);
    doors = all.map(({ door }) => world.portOf(door));
  } finally {
    lines = await world.end();
  }
  return all.flatMap((request, i) => {
    const line = lines.get(String(i))?.find(({ local }) => local?.endsWith(`:${doors[i]}`));
    return explanations[i]!.flatMap((explanation) => {
      const found = difference(told(explanation), seen(answers[i]!, line, explanation, request));
      return found ? [`${JSON.stringify(found)}  ← ${textOf(request)}`] : [];
    });
  });
}

function textOf({ door, method, host, port, path, headers, token }: AskedRequest): string {
  const where = Object.values(door).join(" ");
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  const who = token ? ` as ${JSON.stringify(token.claims)}` : "";
  return `${where}: ${method} ${port === undefined ? host : `${host}:${port}`} ${path} ${lines.join("; ")}${who}`;
}

test("1,000 requests through Heddle's proxies go where explanations say, as they say", async () => {
  const found = await differences("heddle", 1_000);
  expect(found).toEqual([]);
}, 120_000);

test.skipIf(findComponent("envoy") === undefined && process.env.CI !== "true")(
  "100 requests through Envoys go where explanations say, as they say (needs envoy)",
  async () => {
    const found = await differences("envoy", 100);
    expect(found).toEqual([]);
  },
  120_000,
);

test.skipIf(findComponent("envoy") === undefined && process.env.CI !== "true")(
  "and 200 with tokens, which Envoys verify and route by (needs envoy)",
  async () => {
    const found = await differences("envoy", 200, await makeTokens());
    expect(found).toEqual([]);
  },
  120_000,
);
