import { expect, test } from "bun:test";
import { newApi, send, VIRTUAL_SERVICES } from "../kube/api/harness.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { admission } from "./admission.ts";

function virtualService(weight: unknown) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "a", namespace: "default" },
    spec: { hosts: ["a"], http: [{ route: [{ destination: { host: "a" }, weight }] }] },
  };
}

test("a write that a dialect calls an error is refused with its field, and the stored object stays", async () => {
  const { api } = newApi({ admit: admission(DEFAULT_SETTINGS, () => undefined) });
  expect((await send(api, "POST", VIRTUAL_SERVICES, virtualService(100))).status).toBe(201);
  const stored = await send(api, "GET", `${VIRTUAL_SERVICES}/a`);
  const refused = await send(api, "PUT", `${VIRTUAL_SERVICES}/a`, {
    ...virtualService(-1),
    metadata: stored.body.metadata,
  });
  expect(refused.status).toBe(422);
  expect(refused.body.details.causes[0].field).toContain("spec.http[0].route[0].weight");
  expect((await send(api, "GET", `${VIRTUAL_SERVICES}/a`)).body.spec).toEqual(stored.body.spec);
  expect((await send(api, "DELETE", `${VIRTUAL_SERVICES}/a`)).status).toBe(200);
});
