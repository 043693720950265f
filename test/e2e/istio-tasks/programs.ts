// What the pages of Istio's tasks deploy, in small: bookinfo's services, httpbin, and an echo of lines. `programs.ts ROLE NAME NEIGHBOUR PORT…`.
//
//   productpage   asks the neighbour for reviews, for as long as a page may take, and once more; what it got stands in its answer
//   reviews       one without a neighbour has no stars; the others ask it for ratings
//   ratings       always has some
//   httpbin       /headers /ip /get /status/N /delay/SECONDS; /hosts: those of the requests so far
//   nginx         over TLS, by nginx.pem and nginx.key of the folder NEIGHBOUR
//   echo          each line again, behind its name

const [role = "", name = "", neighbour = "", ...ports] = process.argv.slice(2);

/** A third of a second in place of the page's three seconds: whoever waits for it waits twice. */
const REVIEWS_MS = 350;
/** In place of ten seconds: reviews wait longer than the page does, which is what the task about faults finds. */
const RATINGS_MS = 2_000;
/** What bookinfo's services hand on; without the user's name nobody behind the page could be routed by it. */
const HANDED_ON = ["end-user", "x-request-id", "traceparent", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled"];

function handedOn({ headers }: Request): Record<string, string> {
  const pairs = HANDED_ON.map((header) => [header, headers.get(header)] as const);
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null));
}

async function asked(path: string, request: Request, limitMs: number): Promise<unknown> {
  try {
    const url = `http://127.0.0.1:${neighbour}${path}`;
    const response = await fetch(url, {
      headers: { ...handedOn(request), connection: "close" },
      signal: AbortSignal.timeout(limitMs),
    });
    return response.status === 200 ? await response.json() : { error: response.status };
  } catch {
    return { error: "late" };
  }
}

async function productPage(request: Request): Promise<unknown> {
  const first = await asked("/reviews/0", request, REVIEWS_MS);
  const failed = typeof first === "object" && first !== null && "error" in first;
  return { reviews: failed ? await asked("/reviews/0", request, REVIEWS_MS) : first };
}

async function reviews(request: Request): Promise<unknown> {
  return { by: name, ...(neighbour !== "" && { ratings: await asked("/ratings/0", request, RATINGS_MS) }) };
}

const hosts: string[] = [];

async function bin(request: Request, server: Bun.Server<undefined>): Promise<Response> {
  const { pathname } = new URL(request.url);
  const [, verb, value = ""] = pathname.split("/");
  if (verb === "hosts") return Response.json(hosts);
  hosts.push(request.headers.get("host") ?? "");
  if (verb === "status") return new Response(`status ${value}\n`, { status: Number(value) });
  if (verb === "delay") await Bun.sleep(Number(value) * 1_000);
  return Response.json({
    by: name,
    method: request.method,
    path: pathname,
    origin: server.requestIP(request)?.address,
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
  });
}

async function answer(request: Request, server: Bun.Server<undefined>): Promise<Response> {
  switch (role) {
    case "productpage":
      return Response.json(await productPage(request));
    case "reviews":
      return Response.json(await reviews(request));
    case "ratings":
      return Response.json({ by: name, stars: 5 });
    default:
      return bin(request, server);
  }
}

const hostname = "127.0.0.1";
for (const port of ports.map(Number)) {
  if (role === "echo") {
    Bun.listen({
      hostname,
      port,
      socket: {
        data(socket, bytes) {
          socket.write(`${name} ${bytes}`);
        },
      },
    });
    continue;
  }
  const file = (ending: string) => Bun.file(`${neighbour}/nginx.${ending}`);
  Bun.serve({
    hostname,
    port,
    ...(role === "nginx" && { tls: { cert: file("pem"), key: file("key") } }),
    idleTimeout: 0,
    async fetch(request, server) {
      const response = await answer(request, server);
      response.headers.set("x-application", name);
      return response;
    },
  });
}
