// Bodies that nobody means well with: each is refused with a Status that says why, and the API goes on.

import { expect, test } from "bun:test";
import { APPLY, CONFIG_MAPS, newApi, send } from "./harness.ts";

const head = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
const json = (data: string) => `${JSON.stringify(head).slice(0, -1)},"data":${data}}`;
const yaml = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: ${data}\n`;

const bomb = [
  "a: &a [x,x,x,x,x,x,x,x,x,x]",
  ...[..."bcdefghij"].map((name, i) => `${name}: &${name} [${Array(10).fill(`*${"abcdefghij"[i]}`).join(",")}]`),
].join("\n");

const BODIES: readonly (readonly [what: string, status: number, type: "json" | "yaml", body: string, said: RegExp])[] =
  [
    ["nesting in JSON", 400, "json", json(`${"[".repeat(10_000)}${"]".repeat(10_000)}`), /nested too deeply/],
    ["nesting in brackets", 400, "yaml", yaml(`${"[".repeat(10_000)}${"]".repeat(10_000)}`), /nested too deeply/],
    [
      "nesting in blocks",
      400,
      "yaml",
      `a:\n${Array.from({ length: 400 }, (_, i) => `${" ".repeat(i + 1)}a:`).join("\n")}`,
      /nested too deeply/,
    ],
    ["nesting in dashes", 400, "yaml", `a:\n ${"- ".repeat(10_000)}b\n`, /nested too deeply/],
    ["aliases that explode", 400, "yaml", bomb, /too large/],
    ["an infinite number", 400, "json", json('{"a": 1e400}'), /data\.a: number 1e400 is too large/],
    ["an integer that nobody keeps", 400, "json", json('{"a": 9007199254740993}'), /9007199254740993 cannot be kept/],
    ["the same in YAML", 400, "yaml", yaml("{a: 9007199254740993}"), /9007199254740993 cannot be kept/],
    ["no number at all", 400, "yaml", yaml("{a: .nan}"), /no form in JSON/],
    ["a prototype", 400, "json", json('{"__proto__": {"a": "b"}}'), /__proto__/],
    ["two documents", 400, "yaml", `${yaml("{a: b}")}---\n${yaml("{a: c}")}`, /./],
    ["no object", 400, "json", "[1, 2]", /must be an object/],
    ["half an object", 400, "json", '{"apiVersion": "v1"', /./],
    ["a body that is too large", 413, "json", json(`{"a": "${"x".repeat(3 * 1024 * 1024)}"}`), /limit/],
    ["an object that is too large", 413, "json", json(`{"a": "${"x".repeat(2 * 1024 * 1024)}"}`), /at most/],
    ["YAML that is too large", 400, "yaml", yaml(`{a: "${"x".repeat(300 * 1024)}"}`), /send larger objects as JSON/],
  ];

for (const [what, status, type, body, said] of BODIES) {
  test(what, async () => {
    const { api } = newApi();
    const answer =
      type === "json"
        ? await send(api, "POST", CONFIG_MAPS, body)
        : await send(api, "PATCH", `${CONFIG_MAPS}/a?fieldManager=t`, body, APPLY);
    expect({ status: answer.status, said: said.test(answer.body.message), message: answer.body.message }).toMatchObject(
      {
        status,
        said: true,
      },
    );
    expect(answer.body.kind).toBe("Status");
    expect((await send(api, "GET", `${CONFIG_MAPS}/a`)).status).toBe(404);
    expect((await send(api, "POST", CONFIG_MAPS, json('{"a": "b"}'))).status).toBe(201);
  }, 20_000);
}

test("bytes that are no UTF-8, and UTF-16", async () => {
  const { api } = newApi();
  for (const bytes of [Buffer.from(json('{"a": "ü"}'), "latin1"), Buffer.from(`\ufeff${json("{}")}`, "utf16le")]) {
    const response = await api.handle(
      new Request(`http://127.0.0.1${CONFIG_MAPS}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: new Uint8Array(bytes),
      }),
    );
    expect(response.status).toBe(400);
    expect(((await response.json()) as { message: string }).message).toContain("not valid UTF-8");
  }
});
