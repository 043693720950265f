// The application of TCP cases: echoes, keeps what it heard, and closes after its client did.

import { type RawPeer, RawServer } from "../../../src/proxy/raw-peer-fixture.ts";

export class BytesApplication {
  readonly server: RawServer;
  readonly #echoed = new WeakMap<RawPeer, number>();

  constructor() {
    this.server = new RawServer(
      (peer) => this.#echo(peer),
      (peer) => peer.end(),
    );
  }

  get port(): number {
    return this.server.port;
  }

  get connections(): readonly RawPeer[] {
    return this.server.connections;
  }

  #echo(peer: RawPeer): void {
    const from = this.#echoed.get(peer) ?? 0;
    const text = peer.text;
    this.#echoed.set(peer, text.length);
    peer.send(text.slice(from));
  }

  restart(): void {
    for (const { socket } of this.server.connections.splice(0)) socket?.terminate();
  }
}
