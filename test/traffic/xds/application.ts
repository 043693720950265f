// The applications behind the proxies: HTTP/1.1 and HTTP/2 (prior knowledge) on one port, told by each case what to do, and a record of
// what they got.

import type { Socket, TCPSocketListener } from "bun";
import { Http1Application } from "./application-h1.ts";
import { Http2Application } from "./application-h2.ts";
import { type Behaviour, type Codec, ECHO, type Received, type Script } from "./behaviour.ts";

export class Application {
  readonly name: string;
  requests: Received[] = [];
  /** Requests that are being answered now, and the most there ever were at once in this case. */
  concurrent = 0;
  peak = 0;
  /** Connections accepted in this case. */
  connections = 0;
  #script: Script = () => ECHO;
  readonly #listener: TCPSocketListener<ApplicationConnection>;
  readonly #open = new Set<ApplicationConnection>();

  constructor(name: string) {
    this.name = name;
    const open = this.#open;
    this.#listener = Bun.listen<ApplicationConnection>({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: {
        binaryType: "buffer",
        open: (socket) => {
          socket.data = new ApplicationConnection(this, socket, this.connections++);
          open.add(socket.data);
        },
        data: (socket, chunk) => socket.data.onData(chunk),
        drain: (socket) => socket.data.flush(),
        end: (socket) => socket.data.onEnd(),
        close: (socket) => {
          socket.data.onClose();
          open.delete(socket.data);
        },
        error() {},
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  /** What to do with every request from now on. */
  script(script: Script): void {
    this.#script = script;
  }

  /** The n-th request gets the n-th behaviour, and the last one all that follow. */
  answers(...behaviours: readonly Behaviour[]): void {
    const from = this.requests.length;
    this.#script = (_, n) => behaviours[Math.min(n - from, behaviours.length - 1)] ?? ECHO;
  }

  /** As it was: echoing, nothing recorded, no connection open. */
  restart(): void {
    this.#script = () => ECHO;
    this.requests = [];
    this.peak = 0;
    this.connections = 0;
    this.closeConnections();
    this.concurrent = 0;
  }

  /** RST of every connection. */
  closeConnections(): void {
    for (const connection of [...this.#open]) connection.terminate();
  }

  take(request: Received): Behaviour {
    const n = this.requests.push(request) - 1;
    this.peak = Math.max(this.peak, ++this.concurrent);
    return this.#script(request, n);
  }

  answered(): void {
    this.concurrent = Math.max(0, this.concurrent - 1);
  }
}

const PREFACE = "PRI * HTTP/2.0\r\n";

export class ApplicationConnection {
  readonly #application: Application;
  readonly #socket: Socket<ApplicationConnection>;
  readonly #index: number;
  #first = Buffer.alloc(0);
  #codec: Codec | undefined;

  constructor(application: Application, socket: Socket<ApplicationConnection>, index: number) {
    this.#application = application;
    this.#socket = socket;
    this.#index = index;
  }

  onData(chunk: Buffer): void {
    if (this.#codec) {
      this.#codec.onData(chunk);
      return;
    }
    this.#first = Buffer.concat([this.#first, chunk]);
    const seen = this.#first.toString("latin1", 0, PREFACE.length);
    if (seen.length < PREFACE.length && PREFACE.startsWith(seen)) return;
    this.#codec =
      seen === PREFACE
        ? new Http2Application(this.#application, this.#socket, this.#index)
        : new Http1Application(this.#application, this.#socket, this.#index);
    this.#codec.onData(this.#first);
  }

  onEnd(): void {
    if (this.#codec) this.#codec.onEnd();
    else this.#socket.end();
  }

  onClose(): void {
    this.#codec?.onClose();
  }

  flush(): void {
    this.#codec?.flush();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}
