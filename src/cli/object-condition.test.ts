// What `heddle wait` takes for an answer, and what it does not.

import { expect, test } from "bun:test";
import { newApi, send, VIRTUAL_SERVICES, virtualService } from "../kube/api/harness.ts";
import { KubeClient } from "../kube/client/client.ts";
import { embeddedConnection } from "../kube/client/connection.ts";
import { resource } from "../kube/resources.ts";
import { awaitCondition, awaitedCondition } from "./object-condition.ts";

async function said(...conditions: readonly object[]) {
  const { api } = newApi();
  const client = new KubeClient(embeddedConnection(api), "test");
  await send(api, "POST", VIRTUAL_SERVICES, virtualService("web"));
  const name = { namespace: "default", name: "web" };
  const patch = { status: { conditions } } as never;
  await client.patch(resource.virtualServices, name, { kind: "merge", patch }, { subresource: "status" });
  return (wanted: string) =>
    awaitCondition(
      () => client.get(resource.virtualServices, name),
      { type: resource.virtualServices, name },
      awaitedCondition(wanted),
      performance.now(),
    );
}

const ACCEPTED = { type: "Accepted", status: "True", reason: "Accepted", message: "", observedGeneration: 1 };
const PENDING = { type: "Programmed", status: "False", reason: "Pending", message: "1 of 3", observedGeneration: 1 };

test("a condition is met by its type and status, whatever the case", async () => {
  const wait = await said(ACCEPTED, PENDING);
  await wait("accepted");
  await wait("condition=accepted=true");
  await wait("condition=Programmed=False");
});

test("what is not met in time is told with what the control plane says", async () => {
  const wait = await said(ACCEPTED, PENDING);
  await expect(wait("programmed")).rejects.toThrow(/timed out .*Programmed is False, Pending: 1 of 3/);
  await expect(wait("condition=Other")).rejects.toThrow("nothing is said of Other yet");
});

test("what was said of an earlier version says nothing of this one", async () => {
  const wait = await said({ ...ACCEPTED, observedGeneration: 0 });
  await expect(wait("accepted")).rejects.toThrow("nothing is said of Accepted yet");
});

test("a rejected object is waited for no longer", async () => {
  const wait = await said({ ...ACCEPTED, status: "False", reason: "Rejected", message: "HED1234: no" }, PENDING);
  await expect(wait("programmed")).rejects.toThrow("was rejected: HED1234: no");
  await wait("condition=Accepted=False");
});

test("a field, by its path and value", async () => {
  const wait = await said(ACCEPTED, PENDING);
  await wait("jsonpath={.spec.hosts[0]}=web");
  await wait('jsonpath={.status.conditions[?(@.type=="Accepted")].status}=True');
  await wait("jsonpath=.metadata.uid");
  await expect(wait("jsonpath={.spec.hosts[0]}=api")).rejects.toThrow(/timed out waiting for .*it is web/);
  await expect(wait("jsonpath=.spec.nothing")).rejects.toThrow("there is no such field");
});

test("that an object comes, and that it goes", async () => {
  const { api } = newApi();
  const client = new KubeClient(embeddedConnection(api), "test");
  const name = { namespace: "default", name: "web" };
  const wait = (wanted: string) =>
    awaitCondition(
      () => client.get(resource.virtualServices, name),
      { type: resource.virtualServices, name },
      awaitedCondition(wanted),
      performance.now(),
    );
  await wait("delete");
  await expect(wait("create")).rejects.toThrow(/timed out waiting for the creation of .*it is not there/);
  await send(api, "POST", VIRTUAL_SERVICES, virtualService("web"));
  await wait("create");
  await expect(wait("delete")).rejects.toThrow(/timed out waiting for the deletion of .*it is still there/);
});

test("what is no condition is a wrong usage", () => {
  expect(() => awaitedCondition("luck")).toThrow("--for is no condition");
  expect(() => awaitedCondition("constructor")).toThrow("--for is no condition");
  expect(() => awaitedCondition("jsonpath={.a[}=b")).toThrow("not JSONPath");
});
