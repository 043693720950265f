import { expect, test } from "bun:test";
import { TraceReader, traceLine } from "./tap-trace.ts";

const fields = (headers: Readonly<Record<string, string>>) =>
  Object.entries(headers).map(([key, value]) => ({ key, value }));
const trace = {
  http_buffered_trace: {
    request: {
      headers: fields({ ":method": "GET", ":path": "/a?}", ":authority": "shop.test", ":scheme": "http" }),
      headers_received_time: "2026-01-01T00:00:00.000Z",
    },
    response: { headers: fields({ ":status": "503" }), headers_received_time: "2026-01-01T00:00:00.012Z" },
    downstream_connection: { remote_address: { socket_address: { address: "127.0.0.1", port_value: 40312 } } },
  },
};

test("a trace is one line", () => {
  expect(traceLine(trace)).toBe("503 GET http://shop.test/a?} 127.0.0.1:40312 12 ms");
});

test("a request without an answer says so", () => {
  const { request, downstream_connection } = trace.http_buffered_trace;
  const line = traceLine({ http_buffered_trace: { request, response: { headers: [] }, downstream_connection } });
  expect(line).toBe("- GET http://shop.test/a?} 127.0.0.1:40312 no answer");
});

test("traces are read from any split of the bytes", () => {
  const text = `\n${JSON.stringify(trace, null, 1)}\n${JSON.stringify(trace, null, 1)}\n`;
  for (let at = 0; at <= text.length; at++) {
    const reader = new TraceReader();
    const traces = [...reader.read(text.slice(0, at)), ...reader.read(text.slice(at))];
    expect(traces).toEqual([trace, trace]);
  }
});
