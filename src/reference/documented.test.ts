// What the embedded API shows of the kinds, to requests and to the real kubectl; writes are judged by admission alone.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { newApi, send } from "../kube/api/harness.ts";
import { type ServedApi, serveApi } from "../kube/api/server.ts";
import { definition } from "./definition.ts";
import { DOCUMENTED_SCHEMAS } from "./documented.ts";
import { REFERENCE_KINDS } from "./kinds.ts";

setDefaultTimeout(60_000);

const KUBECTL = findComponent("kubectl");
const { api } = newApi({ documentedSchemas: DOCUMENTED_SCHEMAS });

describe("the embedded API", () => {
  test("documents fields in OpenAPI v3, with rules, and in v2, without", async () => {
    const third = await send(api, "GET", "/openapi/v3/apis/networking.istio.io/v1");
    const { spec } = third.body.components.schemas["io.istio.networking.v1.VirtualService"].properties;
    expect(spec.properties.hosts.description).toStartWith("Hosts that the routes are for");
    expect(JSON.stringify(spec)).toContain("x-kubernetes-validations");
    const second = await send(api, "GET", "/openapi/v2");
    const old = second.body.definitions["io.istio.networking.v1beta1.DestinationRule"].properties.spec;
    expect(old.properties.subsets.description).toStartWith("Named parts of the endpoints");
    expect(JSON.stringify(old)).not.toMatch(/x-kubernetes-validations|oneOf|"not"/);
  });

  test("holds the definitions that are in deploy/crds", async () => {
    for (const kind of REFERENCE_KINDS) {
      const { type } = kind;
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${type.plural}.${type.group}`;
      expect((await send(api, "GET", path)).body.spec).toEqual(definition(kind).spec);
    }
  });

  test("leaves the judgement on writes to admission, which names the field that was meant", async () => {
    const body = {
      apiVersion: "networking.istio.io/v1",
      kind: "Sidecar",
      metadata: { name: "a" },
      spec: { egres: [] },
    };
    const path = "/apis/networking.istio.io/v1/namespaces/default/sidecars?fieldValidation=Strict";
    expect((await send(api, "POST", path, body)).status).toBe(201);
  });
});

if (!KUBECTL && process.env.CI === "true") throw new Error("kubectl is missing");

describe.skipIf(!KUBECTL)("kubectl explain", () => {
  let server: ServedApi;
  const home = mkdtempSync(join(tmpdir(), "heddle-explain-"));

  beforeAll(() => {
    server = serveApi({ api, port: 0 });
  });

  afterAll(async () => {
    await server.stop(0);
    rmSync(home, { recursive: true, force: true });
  });

  async function explain(field: string): Promise<string> {
    const child = Bun.spawn([KUBECTL!, "--server", server.url, "explain", field], {
      env: { PATH: process.env.PATH ?? "", HOME: home },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    expect([code, err]).toEqual([0, ""]);
    return out.replaceAll(/\s+/g, " ");
  }

  for (const { type, about } of REFERENCE_KINDS) {
    test(type.kind, async () => {
      expect(await explain(`${type.plural}.${type.group}`)).toContain(about);
    });
  }

  test("a field of a list says what it is, and what holds without it", async () => {
    const said = await explain("vs.spec.http.retries.attempts");
    expect(said).toContain("<integer>");
    expect(said).toContain("Retries after the first try; 0 turns them off. Default: 0");
  });
});
