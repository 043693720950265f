// Datagrams: which host they reach, how long a session is one, and what is dropped.

import { afterAll, expect } from "bun:test";
import type { udp } from "bun";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, type Place, typed } from "./message.ts";
import { type Traffic, traffic } from "./traffic.ts";

/** Answers every datagram with its name, and with who it came from. */
class EchoServer {
  readonly name: string;
  readonly heard: string[] = [];
  readonly peers = new Set<number>();
  silent = false;
  #socket: udp.Socket<"buffer"> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  async open(): Promise<this> {
    this.#socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (socket, bytes, port, address) => {
          this.heard.push(bytes.toString("latin1"));
          this.peers.add(port);
          if (!this.silent) socket.send(`${this.name}:${bytes.toString("latin1")}`, port, address);
        },
      },
    });
    return this;
  }

  get port(): number {
    return this.#socket!.port;
  }

  reset(): void {
    this.heard.length = 0;
    this.peers.clear();
  }

  close(): void {
    this.#socket?.close();
  }
}

class UdpClient {
  readonly heard: string[] = [];
  readonly #socket: udp.ConnectedSocket<"buffer">;

  private constructor(socket: udp.ConnectedSocket<"buffer">) {
    this.#socket = socket;
  }

  static async open({ host, port }: Place): Promise<UdpClient> {
    const heard: string[] = [];
    const socket = await Bun.udpSocket({
      connect: { hostname: host, port },
      socket: { data: (_, bytes) => void heard.push(bytes.toString("latin1")), error() {} },
    });
    const client = new UdpClient(socket);
    client.heard.push = (...items) => Array.prototype.push.apply(client.heard, items);
    clients.push(client);
    heard.push = (...items) => client.heard.push(...items);
    return client;
  }

  send(text: string | Uint8Array): void {
    this.#socket.send(text);
  }

  async answer(text: string, expected = text): Promise<string> {
    const before = this.heard.length;
    this.send(text);
    await until(`an answer to ${text}`, () =>
      this.heard.slice(before).some((answer) => answer.endsWith(`:${expected}`)),
    );
    return this.heard.at(-1)!;
  }

  close(): void {
    this.#socket.close();
  }
}

const clients: UdpClient[] = [];
const A = await new EchoServer("a").open();
const B = await new EchoServer("b").open();
afterAll(() => {
  for (const one of [...clients, A, B]) one.close();
});

/** Admin of both proxies names it. */
const NAME = "datagrams";

function listener(config: Message, host = "127.0.0.1"): Message {
  return {
    name: NAME,
    address: { socket_address: { protocol: "UDP", address: host, port_value: 0 } },
    udp_listener_config: {},
    listener_filters: [
      extension("envoy.filters.udp_listener.udp_proxy", "extensions.filters.udp.udp_proxy.v3.UdpProxyConfig", {
        stat_prefix: "lab",
        ...config,
      }),
    ],
  };
}

const TO_UPSTREAM: Message = {
  matcher: {
    on_no_match: {
      action: {
        name: "route",
        typed_config: typed("extensions.filters.udp.udp_proxy.v3.Route", { cluster: "upstream" }),
      },
    },
  },
};

function udpCase(config: Message = {}) {
  return { legs: DIRECT, resources: { lds: [listener({ ...TO_UPSTREAM, ...config })] } };
}

async function client({ process }: Traffic): Promise<UdpClient> {
  A.reset();
  B.reset();
  return UdpClient.open(await process.place(NAME));
}

traffic("datagrams go there and answers come back", { ...udpCase(), endpoints: [A.port] }, async (given) => {
  const one = await client(given);
  expect(await one.answer("hello")).toBe("a:hello");
  expect(await one.answer("")).toBe("a:");
  expect(await one.answer("x".repeat(1_400))).toBe(`a:${"x".repeat(1_400)}`);
  const two = await UdpClient.open(await given.process.place(NAME));
  expect(await two.answer("other")).toBe("a:other");
  // Each client is a session of its own, and each session a socket.
  expect(A.peers.size).toBe(2);
  expect(one.heard).not.toContain("a:other");
  const metrics = await given.process.admin("/stats/prometheus");
  expect(metrics).toMatch(/^envoy_udp_downstream_sess_total\{.*\} 2$/m);
  expect(metrics).toMatch(/^envoy_udp_downstream_sess_active\{.*\} 2$/m);
});

traffic(
  "those of a client go to one host, those of several to all",
  { ...udpCase(), endpoints: [A.port, B.port] },
  async (given) => {
    const first = await client(given);
    const answers = new Set<string>();
    for (let i = 0; i < 6; i++) answers.add((await first.answer(`${i}`)).slice(0, 1));
    expect(answers.size).toBe(1);
    for (let i = 0; i < 6; i++) {
      const other = await UdpClient.open(await given.process.place(NAME));
      answers.add((await other.answer("x")).slice(0, 1));
    }
    expect([...answers].sort()).toEqual(["a", "b"]);
  },
);

traffic(
  "each datagram chooses a host where that is wanted",
  { ...udpCase({ use_per_packet_load_balancing: true }), endpoints: [A.port, B.port] },
  async (given) => {
    const one = await client(given);
    const answers: string[] = [];
    for (let i = 0; i < 6; i++) answers.push((await one.answer(`${i}`)).slice(0, 1));
    expect(answers.filter((name) => name === "a")).toHaveLength(3);
  },
);

traffic(
  "a session on which nothing comes is over, and the next datagram begins another",
  { ...udpCase({ idle_timeout: "0.3s" }), endpoints: [A.port] },
  async (given) => {
    const one = await client(given);
    await one.answer("one");
    await one.answer("two");
    expect(A.peers.size).toBe(1);
    await until("another session", async () => {
      await Bun.sleep(400);
      await one.answer("three");
      return A.peers.size === 2;
    });
  },
);

traffic(
  "a session is over when its host has gone",
  {
    ...udpCase(),
    clusters: { upstream: { eds: true, endpoints: [A.port] } },
  },
  async (given) => {
    const one = await client(given);
    expect(await one.answer("one")).toBe("a:one");
    await given.update({ ...udpCase(), clusters: { upstream: { eds: true, endpoints: [B.port] } } });
    await until("an answer of the other host", async () => (await one.answer("two")) === "b:two");
  },
);

traffic(
  "more sessions than the cluster may have connections are dropped",
  { ...udpCase(), endpoints: [A.port], cluster: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } } },
  async (given) => {
    const one = await client(given);
    await one.answer("one");
    const two = await UdpClient.open(await given.process.place(NAME));
    two.send("two");
    await one.answer("three");
    await one.answer("four");
    expect(A.heard).not.toContain("two");
  },
);

traffic(
  "without a host they do no harm, and are served when there is one",
  { ...udpCase(), endpoints: [] },
  async (given) => {
    const one = await client(given);
    one.send("early"); // dropped, unless it waited in the kernel for the update
    await given.update({ ...udpCase(), endpoints: [A.port] });
    await until("an answer", async () => {
      one.send("found");
      await Bun.sleep(20);
      return one.heard.includes("a:found");
    });
  },
);

traffic(
  "a port on which nobody listens does not stop those that come after",
  { ...udpCase({ use_per_packet_load_balancing: true }), endpoints: ["closed", A.port] },
  async (given) => {
    const one = await client(given);
    for (let i = 0; i < 8; i++) {
      one.send(`${i}`);
      await Bun.sleep(5);
    }
    await until("the half that reaches somebody", () => one.heard.length >= 4);
  },
);

function bySource(address: string): Message {
  const to = (cluster: string) => ({
    action: { name: cluster, typed_config: typed("extensions.filters.udp.udp_proxy.v3.Route", { cluster }) },
  });
  return {
    matcher: {
      matcher_tree: {
        input: extension("source", "extensions.matching.common_inputs.network.v3.SourceIPInput"),
        exact_match_map: { map: { [address]: to("other") } },
      },
      on_no_match: to("upstream"),
    },
  };
}

for (const [address, expected] of [
  ["127.0.0.1", "b"],
  ["10.1.1.1", "a"],
] as const)
  traffic(
    `the source decides: ${address} goes elsewhere`,
    {
      legs: DIRECT,
      resources: { lds: [listener(bySource(address))] },
      endpoints: [A.port],
      clusters: { other: { endpoints: [B.port] } },
    },
    async (given) => {
      const one = await client(given);
      expect(await one.answer("x")).toBe(`${expected}:x`);
    },
  );

traffic(
  "one source keeps to one host",
  {
    ...udpCase({ hash_policies: [{ source_ip: true }] }),
    endpoints: [A.port, B.port],
    cluster: { lb_policy: "MAGLEV" },
  },
  async (given) => {
    const answers = new Set<string>();
    for (let i = 0; i < 8; i++) answers.add((await (await client(given)).answer("x")).slice(0, 1));
    expect(answers.size).toBe(1);
  },
);
