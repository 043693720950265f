// Peers that take their time, and what is held for them meanwhile (classes 16 and 19 of docs/security.md).

import { afterEach, describe, expect, test } from "bun:test";
import { data, frame, GET, headers, POST, settingsOf, windowUpdate } from "../../http/h2/raw-peer.ts";
import { expositionText } from "../../stats/exposition.ts";
import { type Message, routeTo, TestProxy } from "../proxy-fixture.ts";
import { answering, RawServer, until } from "../raw-peer-fixture.ts";
import { Http2Peer } from "./http2-peer.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const open: { proxy: TestProxy; upstream: RawServer }[] = [];

function start(settings: Message, upstream = answering(OK), routes?: readonly Message[]) {
  const proxy = new TestProxy({ ports: [upstream.port], settings, ...(routes && { routes }) });
  open.push({ proxy, upstream });
  return { proxy, upstream };
}

afterEach(async () => {
  for (const { proxy, upstream } of open.splice(0)) {
    await proxy.close();
    upstream.close();
  }
});

describe("slow senders", () => {
  test("a head has its time, whatever trickles in", async () => {
    const { proxy } = start({ request_headers_timeout: "0.2s" });
    const client = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n");
    const trickle = setInterval(() => client.send("x-a: 1\r\n"), 20);
    await client.hears("HTTP/1.1 408 ");
    clearInterval(trickle);
    client.reset();
    await proxy.isRelieved();
    expect((await proxy.log(1))[0]).toBe("408 - request_header_timeout 0");
  });

  test("so has an HTTP/2 head, and the SETTINGS that must come first", async () => {
    const { proxy } = start({ request_headers_timeout: "0.2s" });
    const client = await Http2Peer.open(proxy);
    client.send(frame(1, 0, 1, "\x82"));
    await client.hears("goaway 0 enhanceYourCalm http2.head_timeout");
    const silent = await proxy.sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    await silent.isClosed();
  });

  test("so has the first byte's protocol, byte by byte", async () => {
    const { proxy } = start({ request_headers_timeout: "0.2s" });
    const client = await proxy.sends("PR");
    await client.isClosed();
  });

  test("a protocol that comes byte by byte is known all the same", async () => {
    const { proxy } = start({});
    const split = await proxy.sends("P");
    await Bun.sleep(10);
    split.send("OST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
    await split.hears("HTTP/1.1 200 ");
  });

  test("who says nothing is idle", async () => {
    const { proxy } = start({ common_http_protocol_options: { idle_timeout: "0.1s" } });
    const clients = await Promise.all(Array.from({ length: 20 }, () => proxy.client()));
    for (const client of clients) await client.isClosed();
    await proxy.isRelieved();
  });

  test("a request has its time as a whole, where that is set (request_timeout)", async () => {
    const { proxy } = start({ request_timeout: "0.2s" }, new RawServer());
    const client = await proxy.sends("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n");
    const trickle = setInterval(() => client.send("x"), 20);
    await client.hears("HTTP/1.1 408 ");
    clearInterval(trickle);
    client.reset();
    await proxy.isRelieved();
    expect((await proxy.log(1))[0]).toBe("408 - request_overall_timeout 1");
  });

  test("a body that stops is idle", async () => {
    const { proxy } = start({ stream_idle_timeout: "0.2s" }, new RawServer());
    const client = await proxy.sends("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf");
    await client.hears("HTTP/1.1 408 ");
    client.reset();
    await proxy.isRelieved();
    expect((await proxy.log(1))[0]).toBe("408 SI stream_idle_timeout 1");
  });

  test("an endless body waits in the kernel while its upstream does not read", async () => {
    const upstream = new RawServer((peer) => peer.socket?.pause());
    const { proxy } = start({}, upstream);
    const client = await Http2Peer.open(proxy);
    client.send(headers(1, POST));
    const window = () =>
      client.lines.reduce(
        (sum, line) => sum + (line.startsWith("windowUpdate 1 ") ? Number(line.split(" ")[2]) : 0),
        256 * 1024,
      );
    const wanted = 64 * 1024 * 1024;
    const chunk = data(1, "x".repeat(16_000));
    let sent = 0;
    for (let quiet = 0; quiet < 10 && sent < wanted; quiet++) {
      while (sent + 16_000 <= window()) {
        client.send(chunk);
        sent += 16_000;
        quiet = 0;
      }
      await Bun.sleep(20);
    }
    // Two kernels' buffers, the marks of two codecs, and a window.
    expect(sent).toBeLessThan(wanted / 2);
    expect(proxy.held.streams).toBe(1);
    expect(client.count("goaway")).toBe(0);
  });
});

const PIPELINED = "GET /large HTTP/1.1\r\nhost: a\r\n\r\n";
/** Large, so that few of them fill what the kernel takes. */
const LARGE_BYTES = 60_000;
/** Between this and the mark of 256 KiB a writer that was stopped stays so. */
const HALF_MARK = 128 * 1024;
const LARGE: Message = {
  name: "large",
  match: { prefix: "/large" },
  direct_response: { status: 200, body: { inline_string: "l".repeat(LARGE_BYTES) } },
};
const DIRECT: Message = {
  name: "direct",
  match: { prefix: "/direct" },
  direct_response: { status: 200, body: { inline_string: "d".repeat(2_000) } },
};

describe("slow readers", () => {
  test("pipelined requests wait until the answers before are read, and then go on", async () => {
    const { proxy } = start({}, answering(OK), [LARGE, routeTo("upstream")]);
    const client = await proxy.client();
    client.keepsText = false;
    client.socket!.pause();
    const count = 500;
    client.send(PIPELINED.repeat(count));
    let before = 0;
    await until("the proxy stops", () => {
      const { bytes } = proxy.held;
      const stopped = bytes > HALF_MARK && bytes === before;
      before = bytes;
      return stopped;
    });
    await Bun.sleep(50);
    // 30 MB would wait here without a bound: the mark, one more answer, and one read of requests.
    expect(proxy.held.bytes).toBeLessThan(1_100_000);
    client.socket!.resume();
    await until("every answer", () => client.bytes >= count * LARGE_BYTES);
    await until("nothing held", () => proxy.held.bytes === 0);
  }, 15_000);

  test("who reads nothing of a complete answer is cut off after the stream's idle time (HTTP/1.1)", async () => {
    const { proxy } = start({ stream_idle_timeout: "0.2s" }, answering(OK), [LARGE]);
    const client = await proxy.client();
    client.keepsText = false;
    client.socket!.pause();
    client.send(PIPELINED.repeat(500));
    const isAnswering = () =>
      /^envoy_http_downstream_rq_total.* [1-9]/m.test(expositionText(proxy.proxy.registry, "text"));
    await until("requests have come", isAnswering);
    await proxy.isRelieved();
  }, 15_000);

  const withoutWindow = async (settings: Message) => {
    const { proxy } = start(settings, answering(OK), [DIRECT]);
    const client = await Http2Peer.open(proxy, settingsOf([4, 0]));
    const get = [":method", "GET", ":scheme", "http", ":path", "/direct", ":authority", "a"];
    for (let id = 1; id < 100; id += 2) client.send(headers(id, get, true));
    await client.hears("headers", 50);
    return { proxy, client };
  };

  test("complete answers are held for who opens no window (HTTP/2)", async () => {
    const { proxy } = await withoutWindow({});
    expect(proxy.held.bytes).toBeGreaterThanOrEqual(50 * 2_000);
  });

  test("who opens no window for complete answers has them reset after the stream's idle time (HTTP/2)", async () => {
    const { proxy, client } = await withoutWindow({ stream_idle_timeout: "0.2s" });
    await client.hears("rstStream", 50);
    expect(proxy.held).toMatchObject({ streams: 0, bytes: 0 });
  });

  test("who opens a window, however small, keeps its stream", async () => {
    // Longer than a busy machine keeps both ends from running, and shorter than all of the rounds together.
    const { proxy } = start({ stream_idle_timeout: "1.5s" }, answering(OK), [DIRECT]);
    const client = await Http2Peer.open(proxy, settingsOf([4, 0]));
    client.send(headers(1, [":method", "GET", ":scheme", "http", ":path", "/direct", ":authority", "a"], true));
    await client.hears("headers 1");
    for (let i = 0; i < 10; i++) {
      client.send(windowUpdate(1, 100));
      await client.hears("data 1", i + 1);
      await Bun.sleep(180);
    }
    client.send(windowUpdate(1, 1_000));
    await client.hears("data 1 end");
    expect(client.count("rstStream")).toBe(0);
  }, 15_000);

  test("an upstream's answer waits in its kernel: what is held is a mark and a window", async () => {
    const size = 32 * 1024 * 1024;
    const upstream = answering(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n${"u".repeat(size)}`);
    const { proxy } = start({}, upstream);
    const client = await Http2Peer.open(proxy, settingsOf([4, 0]));
    client.send(headers(1, GET, true));
    await client.hears("headers 1");
    await Bun.sleep(100);
    expect(proxy.held.bytes).toBeLessThan(2 * 1024 * 1024);
    expect((await upstream.connection(0)).unsent).toBeGreaterThan(size / 2);
  });

  test("endless interim answers end with 502", async () => {
    const upstream = new RawServer((peer) => peer.send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(1_000)));
    const { proxy } = start({}, upstream);
    const client = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await client.hears("HTTP/1.1 502 ");
    expect(client.text.split("HTTP/1.1 103").length - 1).toBe(100);
    expect((await proxy.log(1))[0]).toStartWith("502 UPE ");
  });
});
