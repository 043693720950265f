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
  const { api } = newApi({
    admit: admission(
      () => DEFAULT_SETTINGS,
      () => undefined,
    ),
  });
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

test("what an analyzer says of the object alone is judged, too: warnings are shown, errors refuse", async () => {
  const { api } = newApi({
    admit: admission(
      () => DEFAULT_SETTINGS,
      () => undefined,
    ),
  });
  const repeated = virtualService(100);
  const [route] = repeated.spec.http;
  const allowed = await send(api, "POST", VIRTUAL_SERVICES, {
    ...repeated,
    spec: { hosts: ["a"], http: [route, { match: [{ uri: { prefix: "/a" } }], ...route }] },
  });
  expect(allowed.status).toBe(201);
  const judged = await admission(
    () => DEFAULT_SETTINGS,
    () => undefined,
  )(
    "CREATE",
    {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: "a", namespace: "default" },
      spec: { configPatches: [{ applyTo: "CLUSTER", patch: { operation: "REPLACE" } }] },
    },
    undefined,
  );
  expect(judged.kind).toBe("refused");
  expect(judged.kind === "refused" && judged.causes.map(({ message }) => message).join()).toContain("[IST0152]");
});

test("a warning of an analyzer goes to the writer", async () => {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "a",
      namespace: "default",
      annotations: { "traffic.sidecar.istio.io/excludeInboundPort": "80" },
    },
    spec: { ports: [{ name: "http", port: 80 }] },
  };
  const judged = await admission(
    () => DEFAULT_SETTINGS,
    () => undefined,
  )("CREATE", service, undefined);
  expect(judged.kind).toBe("allowed");
  expect(judged.warnings.join()).toContain("Unknown annotation: traffic.sidecar.istio.io/excludeInboundPort");
  expect(judged.warnings.join()).toContain("[IST0108]");
});
