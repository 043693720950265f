import { expect, test } from "bun:test";
import { bindDatagrams } from "../net/datagram.ts";
import { AccessRecord } from "./access-record.ts";
import { factsBetween } from "./connection-facts.ts";
import { setCluster, staticCluster, TestProxy } from "./proxy-fixture.ts";
import { until } from "./raw-peer-fixture.ts";
import { UdpSession, type UdpSessionOwner } from "./udp-session.ts";

const CLIENT = { address: "127.0.0.1", port: 9 };
const OWNER: UdpSessionOwner = { idleTimeoutMs: 60_000, answer: () => true, onSessionOver() {} };

test("a datagram that waits for its socket is a copy: what it was read into is the next one's", async () => {
  const heard: string[] = [];
  const onDatagram = (bytes: Uint8Array) => void heard.push(Buffer.from(bytes).toString());
  const application = await bindDatagrams(
    { host: "127.0.0.1", port: 0, reusePort: false },
    { onDatagram, onError() {} },
  );
  const proxy = new TestProxy({});
  const { configuration } = proxy.proxy;
  setCluster(configuration, staticCluster("datagrams", [application.port]));
  const cluster = configuration.clusters.get("datagrams")!;
  const record = new AccessRecord(factsBetween(CLIENT, CLIENT, { remote: CLIENT, local: CLIENT }), undefined);
  const session = new UdpSession(OWNER, CLIENT, cluster, record, { dropped: 0, errors: 0 });
  const memory = Buffer.alloc(5);
  for (const text of ["first", "other"]) {
    memory.write(text);
    session.forward(memory, cluster.hosts[0]!);
  }
  await until("both arrive", () => heard.length === 2);
  expect(heard).toEqual(["first", "other"]);
  session.close();
  application.close();
  await proxy.close();
});
