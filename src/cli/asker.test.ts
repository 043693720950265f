import { expect, test } from "bun:test";
import { EXIT, Failure } from "../base/failure.ts";
import { translate } from "../dialect/dialects.ts";
import { readObjects } from "../dialect/object.ts";
import { buildMesh } from "../model/build.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { entryOf } from "./asker.ts";
import { asRunning } from "./manifests.ts";

function refusal(gateway: string, pods: string): Failure {
  const { settings, parts } = translate(asRunning(readObjects("f.yaml", pods).objects), DEFAULT_SETTINGS);
  try {
    entryOf(buildMesh(settings, parts), { namespace: "default", gateway, filename: ["f.yaml"] });
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
  }
  throw new Error("was not refused");
}

const DOOR = `
apiVersion: v1
kind: Pod
metadata: {name: door, namespace: edge, labels: {istio: ingressgateway}}
spec: {containers: [{name: app}]}`;

test("a workload that is no gateway is called so, with what would make it one", () => {
  for (const name of ["door", "edge/door"]) {
    const { message, hint, exit } = refusal(name, DOOR);
    expect(message).toBe("workload edge/door is no gateway");
    expect(hint).toContain("inject.istio.io/templates: gateway");
    expect(exit).toBe(EXIT.data);
  }
});

test("what is nowhere is no gateway, and files without one hold none", () => {
  const { message, hint } = refusal("nowhere", DOOR);
  expect(message).toBe("no gateway, nor a workload that opens one, nowhere");
  expect(hint).toBe("files that hold it: no Pod or Deployment in these is one");
});
