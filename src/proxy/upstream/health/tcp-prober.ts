// A check by bytes: a connection, and what the host says on it (Envoy: TcpHealthCheckerImpl).

import type { ByteStream } from "../../../net/byte-stream.ts";
import type { HealthCheck, TcpProbe } from "../../../table/health-check.ts";
import type { CheckTarget, Prober } from "./prober.ts";
import { type Outcome, PASSED, UNREACHABLE } from "./transition.ts";
import { containsInOrder } from "./verdict.ts";

/** A host that says other things without end is not listened to for ever. */
const MAX_HEARD_BYTES = 64 * 1024;

export class TcpProber implements Prober {
  readonly #target: CheckTarget;
  readonly #check: HealthCheck;
  readonly #probe: TcpProbe;
  #stream: ByteStream | undefined;
  #heard = Buffer.alloc(0);
  #done: ((outcome: Outcome) => void) | undefined;
  #dials = 0;

  constructor(target: CheckTarget, check: HealthCheck, probe: TcpProbe) {
    this.#target = target;
    this.#check = check;
    this.#probe = probe;
  }

  begin(done: (outcome: Outcome) => void): void {
    this.#done = done;
    if (this.#stream) this.#ask(this.#stream);
    else this.#dial();
  }

  #dial(): void {
    const dial = ++this.#dials;
    this.#target.dial(this.#check.alpn, {
      onConnected: (stream) => {
        if (dial === this.#dials) this.#connected(stream);
        else stream.terminate();
      },
      onConnectFailure: () => {
        if (dial === this.#dials) this.#finish(UNREACHABLE);
      },
    });
  }

  #connected(stream: ByteStream): void {
    if (this.#probe.receive.length === 0) {
      stream.terminate();
      this.#finish(PASSED);
      return;
    }
    this.#stream = stream;
    stream.listener = {
      receive: (chunk) => this.#receive(chunk),
      drained() {},
      ended: () => stream.terminate(),
      closed: () => {
        if (this.#stream !== stream) return;
        this.#stream = undefined;
        this.#finish(UNREACHABLE);
      },
    };
    this.#ask(stream);
  }

  #ask(stream: ByteStream): void {
    this.#heard = Buffer.alloc(0);
    if (this.#probe.send) stream.write(this.#probe.send);
  }

  #receive(chunk: Uint8Array): void {
    if (!this.#done) return;
    this.#heard = Buffer.concat([this.#heard, chunk]);
    if (containsInOrder(this.#heard, this.#probe.receive)) {
      if (!this.#check.reusesConnection) this.#hangUp();
      this.#finish(PASSED);
    } else if (this.#heard.length > MAX_HEARD_BYTES) {
      this.#hangUp();
      this.#finish(UNREACHABLE);
    }
  }

  /** Of a connection that closed between two checks nobody is told. */
  #finish(outcome: Outcome): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(outcome);
  }

  #hangUp(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.terminate();
  }

  close(): void {
    this.#dials++;
    this.#done = undefined;
    this.#hangUp();
  }
}
