// The application behind the sidecars of the traffic suite: says what it got, and does what the path asks. HTTP/1.1 by Bun, and WebSocket.
//
//   /            200, JSON of the request       /status/503     that status
//   /delay/200   waits so many milliseconds      /flaky/KEY/2    503 twice for each KEY, then 200
//   /body/1000   so many bytes, chunked          /hang           never answers
//   /socket      a WebSocket that sends back what it gets; "close 4001 reason" makes it close so

const [port, name] = [Number(process.argv[2]), process.argv[3] ?? ""];
const seen = new Map<string, number>();

async function describe(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const body = await request.text();
  const described = {
    name,
    method: request.method,
    path: url.pathname + url.search,
    host: request.headers.get("host"),
    headers: Object.fromEntries(request.headers),
    body: body.length,
  };
  return Response.json(described, { headers: { "x-application": name } });
}

async function answer(request: Request): Promise<Response> {
  const [, verb, first = "", second = ""] = new URL(request.url).pathname.split("/");
  switch (verb) {
    case "status":
      return new Response(`status ${first}\n`, { status: Number(first) });
    case "delay":
      await Bun.sleep(Number(first));
      return describe(request);
    case "flaky": {
      const count = (seen.get(first) ?? 0) + 1;
      seen.set(first, count);
      return count <= Number(second) ? new Response("flaky\n", { status: 503 }) : describe(request);
    }
    case "body":
      return new Response(
        new ReadableStream({
          start(controller) {
            const chunk = new Uint8Array(16_384).fill(97);
            for (let left = Number(first); left > 0; left -= chunk.length)
              controller.enqueue(chunk.subarray(0, Math.min(left, chunk.length)));
            controller.close();
          },
        }),
      );
    case "hang":
      await new Promise(() => {});
      return new Response();
    default:
      return describe(request);
  }
}

Bun.serve({
  hostname: "127.0.0.1",
  port,
  idleTimeout: 0,
  fetch(request, server) {
    const isSocket = new URL(request.url).pathname === "/socket" && request.headers.has("upgrade");
    return isSocket && server.upgrade(request) ? undefined : answer(request);
  },
  websocket: {
    message(socket, message) {
      const close =
        typeof message === "string" ? /^close (?<code>\d+) (?<reason>.*)$/.exec(message)?.groups : undefined;
      if (close) socket.close(Number(close.code), close.reason);
      else socket.send(message);
    },
  },
});
