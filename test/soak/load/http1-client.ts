// A client of HTTP/1.1 with one connection at a time, which it keeps; and of WebSocket's upgrade, which takes one for itself.

import { Agent, type ClientRequest, request } from "node:http";
import type { Socket } from "node:net";
import type { Exchange } from "../plan.ts";
import { Attending, headersOf } from "./client.ts";
import type { Outcome, Place } from "./told.ts";

const REFUSED = "ECONNREFUSED";

function fails(attending: Attending, error: Error & { readonly code?: string }): void {
  if (error.code === REFUSED) attending.end("refused", REFUSED);
  else attending.breaks(error.code ?? error.message);
}

export class Http1Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  run(exchange: Exchange): Promise<Outcome> {
    return exchange.protocol === "websocket" ? this.#upgrade(exchange) : this.#ask(exchange);
  }

  #request(exchange: Exchange, headers: Record<string, string>, own: boolean): ClientRequest {
    const { host, port } = this.#place;
    const { method, path } = exchange;
    return request({
      host,
      port,
      method,
      path,
      headers: { ...headersOf(exchange), ...headers },
      agent: own ? false : this.#agent,
    });
  }

  #ask(exchange: Exchange): Promise<Outcome> {
    const asked = this.#request(exchange, {}, false);
    const attending = new Attending(exchange, () => asked.destroy());
    asked.on("socket", (socket: Socket) => {
      attending.reused = asked.reusedSocket;
      attending.localPort = socket.localPort ?? 0;
    });
    asked.on("error", (error) => fails(attending, error));
    asked.on("response", (response) => {
      attending.status = response.statusCode ?? 0;
      response.on("data", (chunk: Buffer) => attending.receives(chunk, response));
      response.on("end", () => (response.complete ? attending.completes() : attending.breaks("incomplete")));
      response.on("error", (error) => fails(attending, error));
      response.on("close", () => attending.breaks("closed"));
    });
    void attending.uploads(asked).then((sent) => {
      if (sent) asked.end();
    });
    return attending.over;
  }

  #upgrade(exchange: Exchange): Promise<Outcome> {
    const asked = this.#request({ ...exchange, method: "GET" }, { connection: "Upgrade", upgrade: "websocket" }, true);
    let upgraded: Socket | undefined;
    const attending = new Attending(exchange, () => (upgraded ? upgraded.resetAndDestroy() : asked.destroy()));
    asked.on("error", (error) => fails(attending, error));
    asked.on("response", (response) => {
      attending.status = response.statusCode ?? 0;
      response.resume();
      response.on("end", () => attending.completes());
      response.on("error", (error) => fails(attending, error));
    });
    asked.on("upgrade", (_, socket: Socket, head: Buffer) => {
      upgraded = socket;
      attending.status = 200; // 101: what follows is the application's
      if (head.length > 0) socket.unshift(head);
      socket.on("data", (chunk: Buffer) => attending.receives(chunk, socket));
      socket.on("end", () => {
        attending.completes();
        socket.end();
      });
      socket.on("error", (error) => fails(attending, error));
      socket.on("close", () => attending.breaks("closed"));
      void attending.uploads(socket);
    });
    asked.end();
    return attending.over;
  }

  close(): void {
    this.#agent.destroy();
  }
}
