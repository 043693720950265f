// A client of byte streams: a connection for each exchange, whose first line says what it is.

import { connect, type Socket } from "node:net";
import { type Exchange, exchangeText } from "../plan.ts";
import { Attending } from "./client.ts";
import type { Outcome, Place } from "./told.ts";

export class BytesClient {
  readonly #place: Place;
  #socket: Socket | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  run(exchange: Exchange): Promise<Outcome> {
    const socket = connect({ ...this.#place, allowHalfOpen: true });
    this.#socket = socket;
    const attending = new Attending(exchange, () => socket.resetAndDestroy());
    attending.status = 200; // a byte stream has none: what comes is the application's
    socket.on("connect", () => {
      attending.localPort = socket.localPort ?? 0;
      socket.write(`${exchangeText(exchange)}\n`);
      void attending.uploads(socket);
    });
    socket.on("data", (chunk: Buffer) => attending.receives(chunk, socket));
    socket.on("end", () => {
      attending.completes();
      socket.end();
    });
    socket.on("error", (error: Error & { code?: string }) => {
      if (error.code === "ECONNREFUSED") attending.end("refused", error.code);
      else attending.breaks(error.code ?? error.message);
    });
    socket.on("close", () => attending.breaks("closed"));
    return attending.over;
  }

  close(): void {
    this.#socket?.destroy();
  }
}
