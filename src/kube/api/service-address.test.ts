import { expect, test } from "bun:test";
import { APPLY, JSON_PATCH, MERGE, newApi, SERVICES, send } from "./harness.ts";

const service = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});

test("a Service gets an address that no other has, and keeps it", async () => {
  const { api } = newApi();
  const addresses = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const { body } = await send(api, "POST", SERVICES, service(`s${i}`));
    expect(body.spec.clusterIP).toMatch(/^240\.242\.\d+\.\d+$/);
    expect(body.spec.clusterIPs).toEqual([body.spec.clusterIP]);
    addresses.add(body.spec.clusterIP);
  }
  expect(addresses.size).toBe(50);
  const { body } = await send(api, "GET", `${SERVICES}/s7`);
  const replaced = await send(api, "PUT", `${SERVICES}/s7`, service("s7", { ports: [{ port: 81 }] }));
  expect(replaced.body.spec).toMatchObject({ clusterIP: body.spec.clusterIP, ports: [{ port: 81 }] });
  const patched = await send(api, "PATCH", `${SERVICES}/s7`, { spec: { clusterIP: null } }, MERGE);
  expect(patched.body.spec.clusterIP).toBe(body.spec.clusterIP);
});

test("a Service that is made again has its address again", async () => {
  const { api } = newApi();
  const first = await send(api, "POST", SERVICES, service("web"));
  await send(api, "DELETE", `${SERVICES}/web`);
  await send(api, "POST", SERVICES, service("other"));
  const second = await send(api, "POST", SERVICES, service("web"));
  expect(second.body.spec.clusterIP).toBe(first.body.spec.clusterIP);
});

test("appliers neither own the address nor lose it", async () => {
  const { api } = newApi();
  const path = `${SERVICES}/web?fieldManager=a&force=true`;
  const first = await send(api, "PATCH", path, service("web"), APPLY);
  const second = await send(api, "PATCH", path, service("web", { selector: { app: "web" } }), APPLY);
  expect(second.body.spec.clusterIP).toBe(first.body.spec.clusterIP);
  expect(JSON.stringify(second.body.metadata.managedFields)).not.toContain("clusterIP");
});

test("two Services made at the same time do not share an address", async () => {
  // Admission is asked between the choice and the commit. The names' hashes are equal modulo the range.
  const names = new Map<number, string>();
  let pair: [string, string] | undefined;
  for (let i = 0; !pair; i++) {
    const slot = Bun.hash.crc32(`default/n${i}`) % 65_534;
    const other = names.get(slot);
    if (other) pair = [other, `n${i}`];
    names.set(slot, `n${i}`);
  }
  const { api } = newApi({
    admit: async () => {
      await Bun.sleep(1); // the other request gets its turn
      return { kind: "allowed", warnings: [] };
    },
  });
  const made = await Promise.all(pair.map((name) => send(api, "POST", SERVICES, service(name))));
  expect(new Set(made.map(({ body }) => body.spec.clusterIP)).size).toBe(2);
});

test("headless Services and names have none", async () => {
  const { api } = newApi();
  const headless = await send(api, "POST", SERVICES, service("headless", { clusterIP: "None" }));
  expect(headless.body.spec).toMatchObject({ clusterIP: "None", clusterIPs: ["None"] });
  const external = { type: "ExternalName", externalName: "example.com" };
  const name = await send(api, "POST", SERVICES, service("name", external));
  expect(name.body.spec.clusterIP).toBeUndefined();
});

test("an address that is asked for is given when it is free, and does not change", async () => {
  const { api } = newApi();
  const mine = await send(api, "POST", SERVICES, service("mine", { clusterIP: "10.96.0.10" }));
  expect(mine.body.spec.clusterIPs).toEqual(["10.96.0.10"]);
  const taken = await send(api, "POST", SERVICES, service("other", { clusterIP: "10.96.0.10" }));
  expect(taken.status).toBe(422);
  expect(taken.body.message).toContain("already allocated");
  const moved = [{ op: "replace", path: "/spec/clusterIP", value: "10.96.0.11" }];
  const changed = await send(api, "PATCH", `${SERVICES}/mine`, moved, JSON_PATCH);
  expect([changed.status, changed.body.message]).toEqual([422, expect.stringContaining("may not change once set")]);
  const wrong = await send(api, "POST", SERVICES, service("wrong", { clusterIP: "ten" }));
  expect(wrong.status).toBe(422);
});
