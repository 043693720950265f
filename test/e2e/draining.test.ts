// How a gateway ends on SIGTERM, as the mesh's settings say to its agent.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { ByteClient } from "../traffic/byte-client.ts";
import { Heddle, type Running, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();
const hasEnvoy = findComponent("envoy") !== undefined;
if (process.env.CI === "true" && !hasEnvoy) throw new Error("tests of draining need envoy");

const KINDS = ["heddle", "envoy"] as const;
const GET = "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";

const RULES = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {selector: {}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge, namespace: default}
spec: {hosts: [a.test], gateways: [edge], http: [{directResponse: {status: 200, body: {string: served}}}]}
`;

/** Each gateway has a name of its own: its Service leads to where it listens. */
function proxyConfig(name: string, variables: string): string {
  return `---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: ${name}, namespace: default}
spec: {selector: {matchLabels: {app: ${name}}}, environmentVariables: {${variables}}}
`;
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

interface Edge {
  readonly process: Running;
  readonly port: number;
}

async function served(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { host: "a.test", connection: "close" } }).catch(
    () => undefined,
  );
  return answer?.status === 200;
}

async function gateway(name: string, kind: (typeof KINDS)[number]): Promise<Edge> {
  const port = freePort();
  const free = ["admin", "status"].flatMap((one) => [`--${one}-port`, "0"]);
  const process = heddle.start(["gateway", "--name", name, "--proxy", kind, "--port", `80=${port}`, ...free]);
  await until(() => served(port));
  return { process, port };
}

async function isOver({ process }: Edge, withinMs: number): Promise<boolean> {
  return Promise.race([process.exited.then(() => true), Bun.sleep(withinMs).then(() => false)]);
}

describe.skipIf(!hasEnvoy)("a gateway that is told to end", () => {
  beforeAll(async () => {
    await heddle.up([]);
    const configs = KINDS.flatMap((kind) => [
      proxyConfig(`until-idle-${kind}`, 'EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true", MINIMUM_DRAIN_DURATION: 1s'),
      proxyConfig(`whole-time-${kind}`, 'EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "false"'),
    ]);
    const stdin = [RULES, ...configs].join("");
    expect(await heddle.call(["apply", "-f", "-"], { stdin })).toMatchObject({ code: 0 });
  }, LIMIT_MS);
  afterAll(async () => {
    await heddle.close();
    expect(heddle.leftovers()).toEqual([]);
  }, LIMIT_MS);

  for (const kind of KINDS) {
    test(
      `EXIT_ON_ZERO_ACTIVE_CONNECTIONS: ${kind} serves until its last client has gone, beyond the drain time`,
      async () => {
        const edge = await gateway(`until-idle-${kind}`, kind);
        const client = (await ByteClient.connect(edge.port)).send(GET.slice(0, 8));
        edge.process.signal("SIGTERM");
        // The drain time is 5 s. New clients come while the old one is slow.
        expect(await isOver(edge, 500)).toBe(false);
        expect(await served(edge.port)).toBe(true);
        expect(await isOver(edge, 7_000)).toBe(false);
        expect(await client.send(GET.slice(8)).hears("served")).toContain("served");
        client.close();
        expect(await edge.process.exited).toBe(0);
      },
      LIMIT_MS,
    );

    test(
      `EXIT_ON_ZERO_ACTIVE_CONNECTIONS "false": ${kind} serves new clients although nobody is there`,
      async () => {
        const edge = await gateway(`whole-time-${kind}`, kind);
        edge.process.signal("SIGTERM");
        expect(await isOver(edge, 1_500)).toBe(false);
        expect(await served(edge.port)).toBe(true);
        expect(await edge.process.exited).toBe(0);
      },
      LIMIT_MS,
    );
  }
});
