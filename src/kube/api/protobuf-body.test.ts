import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CONFIG_MAPS, newApi, SERVICES, send } from "./harness.ts";
import { PROTOBUF, parseProtobuf } from "./protobuf-body.ts";

// What `kubectl create` 1.33 sends, as recorded.
const CONFIG_MAP = "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEh0KEwoDY20yEgAaACIAKgAyADgAQgASBgoBYRIBYhoAIgA=";
const SECRET = "azhzAAoMCgJ2MRIGU2VjcmV0EiMKEQoBcxIAGgAiACoAMgA4AEIAEgwKAXASB2h1bnRlcjIaABoAIgA=";
const SERVICE =
  "azhzAAoNCgJ2MRIHU2VydmljZRJpCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEkIKGwoHODAtODA4MBIDVENQGFAiBwgAEJA/GgAoABIKCgNhcHASA3dlYhoAIglDbHVzdGVySVA6AEIAUgBaAGAAaAAaAgoAGgAiAA==";

function parsed(base64: string): unknown {
  const result = parseProtobuf(Buffer.from(base64, "base64"));
  return result.kind === "ok" ? result.value : result.message;
}

describe("protobuf bodies", () => {
  test("of kubectl become the JSON that means the same", () => {
    expect(parsed(CONFIG_MAP)).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "cm2" },
      data: { a: "b" },
    });
    expect(parsed(SECRET)).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      data: { p: "aHVudGVyMg==" },
    });
    expect(parsed(SERVICE)).toEqual({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", labels: { app: "web" } },
      spec: {
        type: "ClusterIP",
        selector: { app: "web" },
        ports: [{ name: "80-8080", port: 80, protocol: "TCP", targetPort: 8_080 }],
        publishNotReadyAddresses: false,
      },
      status: { loadBalancer: {} },
    });
  });

  test("times have the digits of their kind, and what is not set is absent", () => {
    // A Lease with renewTime {seconds: 1, nanos: 500000000} and an empty acquireTime.
    const spec = Buffer.from("1a00" + "2208" + "0801" + "1080cab5ee01", "hex");
    const body = Buffer.concat([Buffer.from("0a00", "hex"), Buffer.from([0x12, spec.length]), spec]);
    const head = Buffer.from("\n\u000b\n\u0002v1\u0012\u0005Lease", "latin1");
    const bytes = Buffer.concat([Buffer.from("k8s\0"), head, Buffer.from([0x12, body.length]), body]);
    const result = parseProtobuf(bytes);
    expect(result).toMatchObject({ kind: "ok", value: { spec: { renewTime: "1970-01-01T00:00:01.500000Z" } } });
    expect(JSON.stringify(result)).not.toContain("acquireTime");
  });

  test("are stored like any other", async () => {
    const { api } = newApi();
    const post = async (path: string, base64: string) => {
      const request = new Request(`http://127.0.0.1${path}`, {
        method: "POST",
        headers: { "content-type": PROTOBUF, accept: `${PROTOBUF},application/json` },
        body: Buffer.from(base64, "base64"),
      });
      return (await api.handle(request)).status;
    };
    expect(await post(CONFIG_MAPS, CONFIG_MAP)).toBe(201);
    expect(await post(SERVICES, SERVICE)).toBe(201);
    expect(await post(CONFIG_MAPS, SERVICE)).toBe(400);
    expect((await send(api, "GET", `${SERVICES}/web`)).body.spec.ports[0].targetPort).toBe(8_080);
  });

  test("with a field that is not known are refused, not cut", () => {
    const bytes = Buffer.from(CONFIG_MAP, "base64");
    const at = bytes.indexOf(Buffer.from("12060a01611201", "hex"));
    bytes[at] = 0x7a; // field 15
    expect(parsed(bytes.toString("base64"))).toBe("the field number 15 is not known here: send the object as JSON");
  });

  test("of any bytes never do more than be refused", () => {
    const valid = [CONFIG_MAP, SECRET, SERVICE].map((text) => Buffer.from(text, "base64"));
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.nat(), fc.uint8Array({ maxLength: 6 }), (bytes, at, noise) => {
        const mutated = Buffer.from(bytes);
        mutated.set(noise, Math.min(at % bytes.length, bytes.length - noise.length));
        return ["ok", "error"].includes(parseProtobuf(mutated.subarray(0, bytes.length - (at % 7))).kind);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const bytes = Buffer.concat([Buffer.from("k8s\0"), noise]);
        return ["ok", "error"].includes(parseProtobuf(bytes).kind);
      }),
      { numRuns: 2_000 },
    );
  });
});
