// What Bun's TLS proves and what it leaves to us, on real sockets. The rules in src/net's TLS rest on these answers; a new Bun that
// answers otherwise must fail here first. "Name" is the SPIFFE id, which no TLS library compares.
import { afterEach, describe, expect, test } from "bun:test";
import { createSecureContext } from "node:tls";
import { organizationName } from "./certificate-builder.ts";
import { type TestCertificate, testIntermediate, testLeaf, testRevocations, testRoot } from "./certificate-fixtures.ts";
import { OID } from "./oid.ts";
import { peerIdentity } from "./svid.ts";

const SERVER = "spiffe://cluster.local/ns/default/sa/server";
const CLIENT = "spiffe://cluster.local/ns/default/sa/client";
const OTHER = "spiffe://cluster.local/ns/default/sa/other";
const SNI = "outbound_.80_._.golden-signal.default.svc.cluster.local";
/** SSL_OP_NO_TICKET: no session tickets, so that every connection proves its certificate anew. */
const NO_TICKET = 0x4000;

const now = Date.now();
const past = { notBeforeMs: now - 7_200_000, notAfterMs: now - 3_600_000 };
const root = testRoot(now);
const foreign = testRoot(now);
const server = testLeaf(root, SERVER, now);
const client = testLeaf(root, CLIENT, now);

interface Seen {
  readonly success: boolean;
  readonly authorized: boolean;
  readonly code: string | undefined;
  readonly alpn: string | false | null;
  readonly sni: string | undefined;
  readonly id: string | undefined;
}

interface Ends {
  readonly server: Seen | undefined;
  readonly client: Seen | undefined;
  /** What the server's application received: the client writes as soon as its own handshake is done. */
  readonly received: string;
}

interface Offer {
  readonly server?: TestCertificate;
  readonly serverChain?: readonly TestCertificate[];
  readonly serverAlpn?: readonly string[];
  readonly client?: TestCertificate | undefined;
  readonly alpn?: readonly string[];
  readonly serverName?: string;
  readonly listener?: "upgrade" | "tls" | "setKeyCert";
  /** Whether the server goes on without a good client certificate. */
  readonly optional?: boolean;
}

const listeners: { stop(close?: boolean): void }[] = [];
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.stop(true);
});

/** ALPN in wire format: a length before each name. */
function wire(names: readonly string[]): ArrayBuffer {
  return new Uint8Array(names.flatMap((name) => [name.length, ...Buffer.from(name)])).buffer;
}

/** Bun's types lack `secureContext`, and the context it takes is the inner one of node:tls. */
function context(options: Record<string, unknown>): unknown {
  return (createSecureContext(options) as unknown as { context: unknown }).context;
}

function seen(socket: Bun.Socket<unknown>, success: boolean, error: Error | null): Seen {
  const der = socket.getPeerX509Certificate()?.raw;
  const id = der === undefined ? undefined : peerIdentity(der);
  return {
    success,
    authorized: socket.authorized,
    code: (error as { code?: string } | null)?.code,
    alpn: socket.alpnProtocol,
    sni: socket.getServername(),
    id: id?.kind === "parsed" ? id.value.uri : id?.reason,
  };
}

/** One connection between two Buns; resolves once both ends are closed. */
async function connect(offer: Offer): Promise<Ends> {
  const ends: { server: Seen | undefined; client: Seen | undefined; received: string } = {
    server: undefined,
    client: undefined,
    received: "",
  };
  const serverClosed = Promise.withResolvers<void>();
  const clientClosed = Promise.withResolvers<void>();
  const handlers: Bun.SocketHandler<unknown> = {
    handshake(socket, success, error) {
      ends.server = seen(socket, success, error);
    },
    data(socket, bytes) {
      ends.received += bytes.toString();
      socket.write("pong");
    },
    close: () => serverClosed.resolve(),
    error() {},
    drain() {},
  };
  const port = listen(offer, handlers);
  const own = "client" in offer ? offer.client : client;
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    tls: {
      ca: root.pem,
      ...(own && { cert: own.pem, key: own.keyPem }),
      rejectUnauthorized: false,
      serverName: offer.serverName ?? SNI,
      ...(offer.alpn && { ALPNProtocols: wire(offer.alpn) }),
    },
    socket: {
      handshake(socket, success, error) {
        ends.client = seen(socket, success, error);
        socket.write("ping");
      },
      data: (socket) => void socket.end(),
      close: () => clientClosed.resolve(),
      error() {},
      drain() {},
    },
  });
  await Promise.all([serverClosed.promise, clientClosed.promise]);
  return ends;
}

function listen(offer: Offer, handlers: Bun.SocketHandler<unknown>): number {
  const own = offer.server ?? server;
  const cert = (offer.serverChain ?? [own]).map(({ pem }) => pem).join("");
  const credentials = {
    cert,
    key: own.keyPem,
    ca: root.pem,
    requestCert: true,
    rejectUnauthorized: true,
    secureOptions: NO_TICKET,
  };
  const verify = {
    requestCert: true,
    rejectUnauthorized: offer.optional !== true,
    ALPNProtocols: wire(offer.serverAlpn ?? ["h2", "http/1.1"]),
  };
  const address = { hostname: "127.0.0.1", port: 0 };
  const secureContext = context(credentials);
  const listener =
    offer.listener === "tls"
      ? Bun.listen({ ...address, tls: { ...credentials, ...verify }, socket: handlers })
      : offer.listener === "setKeyCert"
        ? Bun.listen({
            ...address,
            tls: { ...credentials, ...verify, cert: client.pem, key: client.keyPem },
            socket: {
              ...handlers,
              open: (socket) => (socket as unknown as { setKeyCert(context: unknown): void }).setKeyCert(secureContext),
            },
          })
        : Bun.listen({
            ...address,
            // `drain` and no `data`: with `data` the plain socket is handed a copy of every encrypted record.
            socket: {
              open: (socket) =>
                void socket.upgradeTLS({
                  isServer: true,
                  tls: { secureContext, ...verify },
                  socket: handlers,
                } as never),
              drain() {},
            },
          });
  listeners.push(listener);
  return listener.port;
}

describe("a client's handshake callback", () => {
  const cases: readonly [string, Offer, string, string][] = [
    ["right chain, right name", {}, "ERR_TLS_CERT_ALTNAME_INVALID", SERVER],
    ["right chain, wrong name", { server: testLeaf(root, OTHER, now) }, "ERR_TLS_CERT_ALTNAME_INVALID", OTHER],
    [
      "foreign chain, right name",
      { server: testLeaf(foreign, SERVER, now) },
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      SERVER,
    ],
    ["foreign chain, wrong name", { server: testLeaf(foreign, OTHER, now) }, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", OTHER],
    ["expired", { server: testLeaf(root, SERVER, now, past) }, "CERT_HAS_EXPIRED", SERVER],
    [
      "not yet valid",
      { server: testLeaf(root, SERVER, now, { notBeforeMs: now + 60_000 }) },
      "CERT_NOT_YET_VALID",
      SERVER,
    ],
    // The last fault found is the one reported.
    ["foreign chain and expired", { server: testLeaf(foreign, SERVER, now, past) }, "CERT_HAS_EXPIRED", SERVER],
  ];
  for (const [title, offer, code, id] of cases) {
    test(`tells the chain apart from the name: ${title}`, async () => {
      // The chain is judged before the name: a wrong DNS name is reported only when the chain is proven.
      expect((await connect(offer)).client).toMatchObject({ success: false, authorized: false, code, id });
    });
  }

  test("reports a foreign root that was sent along", async () => {
    const stranger = testLeaf(foreign, SERVER, now);
    expect((await connect({ server: stranger, serverChain: [stranger, foreign] })).client?.code).toBe(
      "SELF_SIGNED_CERT_IN_CHAIN",
    );
  });

  test("reports a certificate that is for clients only, and one that a workload issued", async () => {
    const clientOnly = testLeaf(root, SERVER, now, { extendedKeyUsage: [OID.clientAuth] });
    expect((await connect({ server: clientOnly })).client?.code).toBe("INVALID_PURPOSE");
    const forged = testLeaf(client, SERVER, now);
    expect((await connect({ server: forged, serverChain: [forged, client] })).client?.code).toBe(
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    );
  });

  test("accepts a chain over an intermediate, and reports a missing one", async () => {
    const intermediate = testIntermediate(root, now);
    const below = testLeaf(intermediate, SERVER, now);
    expect((await connect({ server: below, serverChain: [below, intermediate] })).client?.code).toBe(
      "ERR_TLS_CERT_ALTNAME_INVALID",
    );
    expect((await connect({ server: below })).client?.code).toBe("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  });

  test("has no error when a DNS name fits the SNI, whatever the SPIFFE id is", async () => {
    const both = testLeaf(root, OTHER, now, { dnsNames: [SNI] });
    expect((await connect({ server: both })).client).toMatchObject({
      success: true,
      authorized: true,
      code: undefined,
      id: OTHER,
    });
  });

  test("accepts an authority, a signing key usage and two URIs as server: only our own check refuses them", async () => {
    const cases: readonly [TestCertificate, string][] = [
      [testLeaf(root, SERVER, now, { authority: {} }), "CA=true"],
      [testLeaf(root, SERVER, now, { keyUsage: 0x21 }), "signing certificates"],
      [testLeaf(root, SERVER, now, { uris: [SERVER, OTHER] }), "2 URI names"],
    ];
    for (const [certificate, reason] of cases) {
      const ends = await connect({ server: certificate });
      expect(ends.client).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID", id: expect.stringContaining(reason) });
    }
  });
});

test("a client that terminates in its handshake callback has not shown its certificate", async () => {
  const serverSaw = Promise.withResolvers<string | undefined>();
  const port = listen(
    { server: testLeaf(foreign, SERVER, now) },
    {
      handshake: (socket, success) =>
        serverSaw.resolve(success ? socket.getPeerX509Certificate().subjectAltName : undefined),
      close: () => serverSaw.resolve(undefined),
      data() {},
    },
  );
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    tls: { ca: root.pem, cert: client.pem, key: client.keyPem, rejectUnauthorized: false, serverName: SNI },
    socket: { handshake: (socket) => socket.terminate(), data() {} },
  });
  expect(await serverSaw.promise).toBeUndefined();
});

for (const listener of ["upgrade", "tls"] as const) {
  describe(`a server that verifies clients (${listener})`, () => {
    test("accepts a good client, whose identity, SNI and ALPN it sees", async () => {
      const ends = await connect({ listener, alpn: ["http/1.1", "h2"] });
      expect(ends).toMatchObject({
        server: { success: true, authorized: true, code: undefined, id: CLIENT, sni: SNI, alpn: "h2" },
        client: { alpn: "h2" },
        received: "ping",
      });
    });

    test("gets success=true for foreign, expired and misused certificates: only `authorized` tells, and nothing is delivered", async () => {
      const cases: readonly [TestCertificate, string][] = [
        [testLeaf(foreign, CLIENT, now), "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
        [testLeaf(root, CLIENT, now, past), "CERT_HAS_EXPIRED"],
        [testLeaf(root, CLIENT, now, { extendedKeyUsage: [OID.serverAuth] }), "INVALID_PURPOSE"],
      ];
      for (const [certificate, code] of cases) {
        expect(await connect({ listener, client: certificate })).toMatchObject({
          server: { success: true, authorized: false, code },
          received: "",
        });
      }
    });

    test("refuses a client without a certificate, whose own handshake has succeeded by then", async () => {
      const ends = await connect({ listener, client: undefined });
      expect(ends).toMatchObject({ server: { success: false, authorized: false, code: "EPROTO" }, received: "" });
      expect(ends.client?.code).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    });

    test("sees ALPN false when none is offered and refuses names it does not know", async () => {
      expect(await connect({ listener })).toMatchObject({
        server: { authorized: true, alpn: false },
        received: "ping",
      });
      expect(await connect({ listener, alpn: ["istio"] })).toMatchObject({
        server: { success: false, code: "EPROTO" },
        client: { code: "EPROTO" },
        received: "",
      });
    });

    test("sees no SNI when the client sends none", async () => {
      expect(await connect({ listener, serverName: "" })).toMatchObject({
        server: { authorized: true, sni: undefined },
      });
    });
  });
}

test("a server for which certificates are optional is handed everybody's data: only `authorized` tells whose certificate counts", async () => {
  const without = await connect({ optional: true, client: undefined });
  expect(without).toMatchObject({ server: { success: true, authorized: false, id: undefined }, received: "ping" });
  const stranger = await connect({ optional: true, client: testLeaf(foreign, CLIENT, now) });
  expect(stranger).toMatchObject({ server: { success: true, authorized: false, id: CLIENT }, received: "ping" });
  const good = await connect({ optional: true });
  expect(good).toMatchObject({ server: { success: true, authorized: true, id: CLIENT }, received: "ping" });
});

test("setKeyCert on a TLS listener changes the certificate but loses ALPN, which is why listeners upgrade plain sockets", async () => {
  const ends = await connect({ listener: "setKeyCert", alpn: ["h2"] });
  expect(ends).toMatchObject({ client: { id: SERVER, alpn: false }, server: { alpn: false } });
});

test("bytes that are not TLS end the handshake with an error and reach nobody", async () => {
  const outcome = Promise.withResolvers<string | undefined>();
  const port = listen(
    {},
    {
      handshake: (_, success, error) =>
        outcome.resolve(success ? "success" : (error as { code?: string } | null)?.code),
      data: () => outcome.resolve("data"),
    },
  );
  const closed = Promise.withResolvers<void>();
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { open: (socket) => void socket.write("GET / HTTP/1.1\r\n\r\n"), data() {}, close: () => closed.resolve() },
  });
  expect(await outcome.promise).toBe("EPROTO");
  await closed.promise;
});

test("a silent client is ended by terminate(), which rings the handshake callback and then close", async () => {
  const events: string[] = [];
  const closed = Promise.withResolvers<void>();
  const port = listen(
    {},
    {
      open: (socket) => void queueMicrotask(() => socket.terminate()),
      handshake: (_, success, error) =>
        void events.push(`handshake ${success} ${(error as { code?: string } | null)?.code}`),
      close: () => {
        events.push("close");
        closed.resolve();
      },
      data() {},
    },
  );
  await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  await closed.promise;
  expect(events).toEqual(["handshake false ECONNRESET", "close"]);
});

describe("lists of revoked certificates", () => {
  const [good, bad] = [testLeaf(root, CLIENT, now), testLeaf(root, OTHER, now)];
  const list = testRevocations(root, [bad], now);

  /** What a context with these lists says of a peer with this certificate, on either side. */
  const verdicts = async (
    peer: TestCertificate,
    lists: readonly string[],
  ): Promise<readonly (string | undefined)[]> => {
    const verifying = context({ ca: root.pem, cert: server.pem, key: server.keyPem, crl: lists });
    const showing = context({ cert: peer.pem, key: peer.keyPem });
    const judge = Promise.withResolvers<string | undefined>();
    const asServer = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) =>
          void socket.upgradeTLS({
            isServer: true,
            tls: { secureContext: verifying, requestCert: true, rejectUnauthorized: false },
            socket: {
              handshake: (end: Bun.Socket<unknown>, _success: boolean, error: Error | null) =>
                judge.resolve(end.authorized ? undefined : (error as { code?: string } | null)?.code),
              data() {},
              drain() {},
              error() {},
            },
          } as never),
        drain() {},
      },
    });
    listeners.push(asServer);
    await Bun.connect({
      hostname: "127.0.0.1",
      port: asServer.port,
      tls: { secureContext: showing, rejectUnauthorized: false, serverName: SNI } as never,
      socket: { data() {}, drain() {}, error() {} },
    });
    const ofClient = await judge.promise;
    const asClient = Promise.withResolvers<string | undefined>();
    await Bun.connect({
      hostname: "127.0.0.1",
      port: listen({ server: peer, optional: true }, { drain() {}, data() {} }),
      tls: { secureContext: verifying, rejectUnauthorized: false, serverName: SNI } as never,
      socket: {
        handshake: (socket, _success, error) => {
          asClient.resolve((error as { code?: string } | null)?.code);
          socket.end();
        },
        data() {},
        drain() {},
        error() {},
      },
    });
    return [ofClient, await asClient.promise];
  };
  const GOOD = "ERR_TLS_CERT_ALTNAME_INVALID";

  test("shut out whom they name, on either side, and nobody else", async () => {
    expect(await verdicts(good, [list])).toEqual([undefined, GOOD]);
    expect(await verdicts(bad, [list])).toEqual(["CERT_REVOKED", "CERT_REVOKED"]);
  });

  test("several count together; without one of the authority's own, and with one of yesterday, nobody is let in", async () => {
    const name = organizationName("other");
    const foreignList = testRevocations(testRoot(now, { issuer: name, subject: name }), [], now);
    expect(await verdicts(good, [foreignList, list])).toEqual([undefined, GOOD]);
    expect(await verdicts(good, [foreignList])).toEqual(["UNABLE_TO_GET_CRL", "UNABLE_TO_GET_CRL"]);
    const old = testRevocations(root, [], now - 86_400_000);
    expect(await verdicts(good, [old])).toEqual(["CRL_HAS_EXPIRED", "CRL_HAS_EXPIRED"]);
    // One of them is read of a text, so that each needs a text of its own.
    expect(await verdicts(good, [foreignList + list])).toEqual(["UNABLE_TO_GET_CRL", "UNABLE_TO_GET_CRL"]);
  });

  test("that are none make no context", () => {
    expect(() =>
      context({ ca: root.pem, crl: ["-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"] }),
    ).toThrow();
  });
});
