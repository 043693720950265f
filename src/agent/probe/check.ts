// One look at the application's health, as Kubernetes' kubelet and Istio's agent look.

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { unaryCall } from "../../grpc/client.ts";
import { Http2ClientConnection } from "../../http/h2/client-connection.ts";
import { DEFAULT_LIMITS } from "../../http/limits.ts";
import { connect } from "../../net/connect.ts";
import type { Grpc, HttpGet, Probe, TcpSocket } from "../../xds/gen/heddle/registration/v1/registration_pb.ts";

/** Where the application is. */
export interface ProbedPlace {
  /** Sockets that `work` makes before it returns are there. */
  enter<T>(work: () => T): T;
  /** What runs a command there. */
  command(command: readonly string[]): readonly string[];
}

/** Undefined: healthy. */
type Verdict = string | undefined;

/** Never rejects; ends within the probe's time. */
export function checkHealth({ check, timeoutMs }: Probe, place: ProbedPlace): Promise<Verdict> {
  switch (check.case) {
    case "httpGet":
      return checkHttp(check.value, timeoutMs, place);
    case "tcpSocket":
      return checkTcp(check.value, timeoutMs, place);
    case "exec":
      return checkCommand(check.value.command, timeoutMs, place);
    case "grpc":
      return checkGrpc(check.value, timeoutMs, place);
    case undefined:
      return Promise.resolve("the probe asks nothing");
  }
}

interface Exchange {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Written as soon as the connection stands; undefined: that it stands is enough. */
  readonly request: string | undefined;
  /** Given what has come so far. */
  judge(answer: string): { readonly verdict: Verdict } | undefined;
}

/** A status line has fewer bytes. */
const MAX_ANSWER_BYTES = 1_024;

function exchange(
  { host, port, tls, request, judge }: Exchange,
  timeoutMs: number,
  place: ProbedPlace,
): Promise<Verdict> {
  return new Promise((resolve) => {
    let answer = "";
    let opened: Bun.Socket<undefined> | undefined;
    const settle = (verdict: Verdict): void => {
      clearTimeout(timer);
      resolve(verdict);
      opened?.terminate(); // tells of its end at once: by then it is settled
    };
    const timer = setTimeout(() => settle(`no answer within ${timeoutMs} ms`), timeoutMs);
    const ask = (socket: Bun.Socket<undefined>): void => {
      if (request === undefined) settle(undefined);
      else socket.write(request);
    };
    const options = {
      hostname: host,
      port,
      // It speaks to its own application: who that is, is not in question.
      ...(tls ? { tls: { rejectUnauthorized: false } } : {}),
      socket: {
        open(socket: Bun.Socket<undefined>) {
          opened = socket;
          if (!tls) ask(socket);
        },
        handshake: (socket: Bun.Socket<undefined>) => ask(socket),
        data(_: Bun.Socket<undefined>, bytes: Buffer) {
          answer += bytes.toString("latin1", 0, MAX_ANSWER_BYTES);
          const judged = judge(answer);
          if (judged) settle(judged.verdict);
          else if (answer.length >= MAX_ANSWER_BYTES) settle("the answer is not HTTP");
        },
        close: () => settle("the connection was closed without an answer"),
        connectError: (_: Bun.Socket<undefined>, error: Error) => settle(error.message),
      },
    } satisfies Bun.TCPSocketConnectOptions<undefined>;
    place.enter(() => Bun.connect(options)).catch((error: Error) => settle(error.message));
  });
}

function checkTcp({ host, port }: TcpSocket, timeoutMs: number, place: ProbedPlace): Promise<Verdict> {
  return exchange({ host, port, tls: false, request: undefined, judge: () => undefined }, timeoutMs, place);
}

/** Any status from 200 to 399 is healthy; a redirect is not followed. */
function checkHttp(
  { host, port, path, tls, headers }: HttpGet,
  timeoutMs: number,
  place: ProbedPlace,
): Promise<Verdict> {
  const own = headers.map(({ name, value }) => `${name}: ${value.replace(/[\r\n]/g, " ")}\r\n`);
  const named = headers.some(({ name }) => name.toLowerCase() === "host");
  const authority = named ? "" : `host: ${host.includes(":") ? `[${host}]` : host}:${port}\r\n`;
  // A space or a line's end would end the path, and begin something else.
  const target = path.replace(/[^\x21-\x7e]/g, (character) => encodeURIComponent(character));
  const request = `GET ${target} HTTP/1.1\r\n${authority}${own.join("")}connection: close\r\n\r\n`;
  const judge = (answer: string) => {
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1];
    if (status === undefined) return undefined;
    return { verdict: status >= "200" && status < "400" ? undefined : `status ${status}` };
  };
  return exchange({ host, port, tls, request, judge }, timeoutMs, place);
}

async function checkCommand(command: readonly string[], timeoutMs: number, place: ProbedPlace): Promise<Verdict> {
  try {
    const child = Bun.spawn([...place.command(command)], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    const code = await child.exited;
    if (child.signalCode) return `the command took longer than ${timeoutMs} ms, or was killed`;
    return code === 0 ? undefined : `the command ended with ${code}`;
  } catch (error) {
    return String(error);
  }
}

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
const SERVING = 1;
const LOCALHOST = "127.0.0.1";

function checkGrpc({ port, service }: Grpc, timeoutMs: number, place: ProbedPlace): Promise<Verdict> {
  const request = new BinaryWriter().tag(1, WireType.LengthDelimited).string(service).finish();
  return new Promise((resolve) => {
    const ask = async (connection: Http2ClientConnection): Promise<Verdict> => {
      const options = { authority: `${LOCALHOST}:${port}`, timeoutMs };
      const answer = await unaryCall(connection, "/grpc.health.v1.Health/Check", request, options);
      connection.shutdown();
      if (answer.kind !== "message") return `${answer.status.code} ${answer.status.message}`;
      const status = servingStatus(answer.message);
      return status === SERVING ? undefined : `serving status ${status}`;
    };
    place.enter(() =>
      connect({ kind: "tcp", host: LOCALHOST, port }, undefined, timeoutMs, {
        onConnected(transport) {
          const connection = new Http2ClientConnection(
            transport,
            { onAvailable() {}, onDraining() {}, onClosed() {} },
            DEFAULT_LIMITS,
          );
          transport.listener = connection;
          ask(connection).then(resolve, (error) => resolve(String(error)));
        },
        onConnectFailure: resolve,
      }),
    );
  });
}

/** 0, UNKNOWN, where the message is not one. */
function servingStatus(message: Uint8Array): number {
  try {
    const reader = new BinaryReader(message);
    let status = 0;
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === 1 && type === WireType.Varint) status = reader.int32();
      else reader.skip(type, field);
    }
    return status;
  } catch {
    return 0;
  }
}
