// How a program with a sidecar ends on SIGTERM where the mesh has its proxy wait (EXIT_ON_ZERO_ACTIVE_CONNECTIONS, MINIMUM_DRAIN_DURATION).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { ByteClient } from "../traffic/byte-client.ts";
import { Heddle, type Running, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();
const hasEnvoy = findComponent("envoy") !== undefined;
if (process.env.CI === "true" && !hasEnvoy) throw new Error("tests of draining need envoy");

const KINDS = hasEnvoy ? (["heddle", "envoy"] as const) : (["heddle"] as const);
const CLOSES = /^connection: close\r$/im;

/** What its program asks of others is answered without them: nobody has to stand there. */
const RULES = `apiVersion: v1
kind: Service
metadata: {name: others, namespace: default}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: others, namespace: default}
spec: {hosts: [others], http: [{directResponse: {status: 200, body: {string: of-others}}}]}
`;

const PROGRAM = `
const server = Bun.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT), fetch: () => new Response("of-program") });
process.on("SIGTERM", () => { console.log("asked"); void server.stop(true); process.exit(5); });
console.log("up");
`;

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

interface Program {
  readonly process: Running;
  /** The proxy's: for the program, and for others that it asks. */
  readonly inbound: number;
  readonly outbound: number;
}

/** The head and the body of an answer on a connection that may be used again; "" without one. */
async function answer(port: number, body: string): Promise<string> {
  const client = await ByteClient.connect(port).catch(() => undefined);
  if (!client) return "";
  const heard = await client.send("GET / HTTP/1.1\r\nhost: others\r\n\r\n").hears(body);
  client.close();
  return heard.includes(body) ? heard : "";
}

async function start(kind: (typeof KINDS)[number]): Promise<Program> {
  const [inbound, outbound, application] = [freePort(), freePort(), freePort()];
  const file = join(heddle.folder, "program.ts");
  writeFileSync(file, PROGRAM);
  const free = ["mesh", "forward-proxy", "status", "admin"].flatMap((port) => [`--${port}-port`, "0"]);
  const ports = ["--port", `${application}`, "--inbound-port", `${inbound}`, "--upstream", `${outbound}=others:80`];
  const process = heddle.start(
    ["run", "--name", `lingers-${kind}`, "--proxy", kind, ...free, ...ports, "--", globalThis.process.execPath, file],
    { EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true", MINIMUM_DRAIN_DURATION: "3s" },
  );
  await until(
    async () => (await answer(inbound, "of-program")) !== "" && (await answer(outbound, "of-others")) !== "",
    process.exited.then(() => false),
  );
  return { process, inbound, outbound };
}

describe("a program whose proxy is to wait for its clients", () => {
  beforeAll(async () => {
    await heddle.up([]);
    expect(await heddle.call(["apply", "-f", "-"], { stdin: RULES })).toMatchObject({ code: 0 });
  }, LIMIT_MS);
  afterAll(async () => {
    await heddle.close();
    expect(heddle.leftovers()).toEqual([]);
  }, LIMIT_MS);

  test.each([...KINDS])(
    "beside %s: clients are served and told to go before it gets the signal, and what it asks of others stays as it was",
    async (kind) => {
      const { process, inbound, outbound } = await start(kind);
      expect(await answer(inbound, "of-program")).not.toMatch(CLOSES);
      process.signal("SIGTERM");
      await until(async () => CLOSES.test(await answer(inbound, "of-program")));
      const ofOthers = await answer(outbound, "of-others");
      expect(process.stdout()).not.toContain("asked");
      expect(ofOthers).toContain("of-others");
      expect(ofOthers).not.toMatch(CLOSES);
      expect(await process.exited).toBe(5);
      expect(process.stdout()).toContain("asked");
    },
    LIMIT_MS,
  );
});
