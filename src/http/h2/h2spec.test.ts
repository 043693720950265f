// The conformance suite for HTTP/2 servers, https://github.com/summerwind/h2spec, in strict mode.

import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../limits.ts";
import { type RequestHead, ResponseHead, type ServerConnectionListener, type ServerStream } from "../stream.ts";
import { Http2ServerConnection } from "./server-connection.ts";
import { type SocketState, socketHandlers } from "./test-socket.ts";

const h2spec = Bun.which("h2spec") ?? (await installed(`${process.env.GOPATH ?? `${process.env.HOME}/go`}/bin/h2spec`));

async function installed(path: string): Promise<string | undefined> {
  return (await Bun.file(path).exists()) ? path : undefined;
}

/** Answers when the request is complete. */
class Hello implements ServerConnectionListener {
  onRequest(stream: ServerStream, head: RequestHead, end: boolean): void {
    const answer = () => {
      const isHead = head.method === "HEAD";
      stream.respond(new ResponseHead(200, ["content-type", "text/plain"], 6), isHead);
      if (isHead) return;
      stream.write(Buffer.from("hello\n"));
      stream.end();
    };
    stream.listener = { onData() {}, onEnd: answer, onReset() {}, onWritable() {} };
    if (end) answer();
  }
  onRefused(): void {}
  onClosed(): void {}
}

// go install github.com/summerwind/h2spec/cmd/h2spec@latest
test.skipIf(h2spec === undefined)(
  `h2spec passes in strict mode${h2spec === undefined ? " (skipped: h2spec is not installed)" : ""}`,
  async () => {
    const server = Bun.listen<SocketState>({
      hostname: "127.0.0.1",
      port: 0,
      data: undefined as never,
      socket: socketHandlers((transport) => new Http2ServerConnection(transport, new Hello(), DEFAULT_LIMITS, "http")),
    });
    try {
      const args = ["-h", "127.0.0.1", "-p", String(server.port), "--strict", "--timeout", "5"];
      const run = Bun.spawn([h2spec!, ...args], { stdout: "pipe", stderr: "ignore" });
      const output = await new Response(run.stdout).text();
      expect(output).toContain("146 tests, 146 passed, 0 skipped, 0 failed");
    } finally {
      server.stop(true);
    }
  },
  60_000,
);
