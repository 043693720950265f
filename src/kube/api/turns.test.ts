import { expect, test } from "bun:test";
import { resource } from "../resources.ts";
import { CONFIG_MAPS, configMap, newApi, send } from "./harness.ts";

test("each write is judged when the one before it is stored or refused; one that breaks holds up nobody", async () => {
  const { store } = newApi();
  const there: (readonly string[])[] = [];
  const { api } = newApi({
    store,
    admit: async (_operation, { metadata }) => {
      there.push([...store.each(resource.configMaps)].map((each) => each.metadata.name).sort());
      await Bun.sleep(0);
      if (metadata.name === "b") throw new Error("boom");
      return { kind: "allowed", warnings: [] };
    },
  });
  const answers = await Promise.all(["a", "b", "c"].map((name) => send(api, "POST", CONFIG_MAPS, configMap(name))));
  expect(answers.map(({ status }) => status)).toEqual([201, 500, 201]);
  expect(there).toEqual([[], ["a"], ["a"]]);
});

test("a dry run stores nothing, and waits for nobody", async () => {
  let admit = () => {};
  const held = new Promise<void>((resolve) => {
    admit = resolve;
  });
  const { api } = newApi({
    admit: async (_operation, { metadata }) => {
      if (metadata.name === "slow") await held;
      return { kind: "allowed", warnings: [] };
    },
  });
  const slow = send(api, "POST", CONFIG_MAPS, configMap("slow"));
  expect((await send(api, "POST", `${CONFIG_MAPS}?dryRun=All`, configMap("a"))).status).toBe(201);
  admit();
  expect((await slow).status).toBe(201);
});
