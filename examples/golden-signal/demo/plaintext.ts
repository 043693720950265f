// Whether a port of the mesh takes a request in the clear. Under STRICT none may.

import type { Member } from "./mesh.ts";

const TIMEOUT_MS = 2_000;
const REQUEST = "GET / HTTP/1.1\r\nHost: golden-signal.default.svc.cluster.local\r\nConnection: close\r\n\r\n";

type Answer =
  /** Nobody listens, or the connection was closed or reset without an answer. */
  { readonly kind: "closed" } | { readonly kind: "status"; readonly code: number } | { readonly kind: "silent" };

function ask(hostname: string, port: number): Promise<Answer> {
  return new Promise((resolve) => {
    let received = "";
    const settle = (fallback: Answer): void => {
      clearTimeout(timer);
      const code = /^HTTP\/1\.[01] (\d{3})/.exec(received)?.[1];
      resolve(code === undefined ? fallback : { kind: "status", code: Number(code) });
    };
    const timer = setTimeout(() => settle({ kind: "silent" }), TIMEOUT_MS);
    Bun.connect({
      hostname,
      port,
      socket: {
        open: (socket) => void socket.write(REQUEST),
        data(_, bytes) {
          received += bytes.toString("latin1");
        },
        close: () => settle({ kind: "closed" }),
        error: () => settle({ kind: "closed" }),
        connectError: () => settle({ kind: "closed" }),
      },
    }).catch(() => settle({ kind: "closed" }));
  });
}

/** True when the mesh and inbound ports of all members refuse: they close, or answer with a client's error. */
export async function plaintextRefused(members: readonly Member[]): Promise<boolean> {
  const ports = members.flatMap(({ address, meshPort, inboundPort }) =>
    [meshPort, inboundPort].flatMap((port) => (port === undefined ? [] : [{ address, port }])),
  );
  const answers = await Promise.all(ports.map(({ address, port }) => ask(address, port)));
  return answers.every(
    (answer) => answer.kind === "closed" || (answer.kind === "status" && answer.code >= 400 && answer.code < 500),
  );
}
