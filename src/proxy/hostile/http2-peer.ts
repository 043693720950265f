// A client that speaks HTTP/2 to a proxy by hand, for tests.

import { PREFACE } from "../../http/h2/frame.ts";
import { FrameLog, SETTINGS } from "../../http/h2/raw-peer.ts";
import type { TestProxy } from "../proxy-fixture.ts";
import { type RawPeer, until } from "../raw-peer-fixture.ts";

export class Http2Peer {
  readonly raw: RawPeer;
  readonly #log = new FrameLog();
  #read = 0;

  private constructor(raw: RawPeer) {
    this.raw = raw;
  }

  /** Connected, with preface and SETTINGS sent. */
  static async open(proxy: TestProxy, settings: Uint8Array = SETTINGS): Promise<Http2Peer> {
    const peer = new Http2Peer(await proxy.client());
    peer.send(PREFACE, settings);
    await peer.hears("settings");
    return peer;
  }

  send(...frames: readonly Uint8Array[]): void {
    this.raw.send(Buffer.concat(frames));
  }

  /** Every frame that came, in words. */
  get lines(): readonly string[] {
    const { text } = this.raw;
    this.#log.read(Buffer.from(text.slice(this.#read), "latin1"));
    this.#read = text.length;
    return this.#log.lines;
  }

  count(start: string): number {
    return this.lines.filter((line) => line.startsWith(start)).length;
  }

  async hears(start: string, times = 1): Promise<void> {
    await until(`${times} × ${start}`, () => this.count(start) >= times).catch((error: Error) => {
      throw new Error(`${error.message}; heard ${this.lines.slice(-8).join("; ")}`);
    });
  }
}
