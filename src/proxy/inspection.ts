// Waits for the first bytes of a connection until they say what it speaks. Two ways: the bytes are read and handed on, or they are left
// in the kernel, because TLS is to be ended by who finds them there.

import { Deadline, timers } from "../base/timer-wheel.ts";
import type { ByteListener, ByteStream } from "../net/byte-stream.ts";
import { type Arrival, arrivals, discard, peek } from "../net/peek.ts";
import type { SocketTransport } from "../net/socket.ts";
import type { Inspection } from "../table/listener-filter.ts";
import { type Inspected, type Inspecting, inspect, NOTHING_INSPECTED } from "./sniff.ts";

export interface InspectionListener {
  /** `first`: bytes of the stream that were read, if any. */
  onInspected(inspected: Inspected, first: Buffer | undefined): void;
  /** Nobody is served: the stream is closed, `reason` says why. */
  onRefused(reason: string): void;
}

/** What both ways share: the deadline, and what it means. */
abstract class Waiting extends Deadline {
  protected readonly inspection: Inspection;
  protected readonly port: number;
  protected readonly listener: InspectionListener;
  /** What the last look left undecided. */
  protected soFar: Inspected = NOTHING_INSPECTED;
  #over = false;

  constructor(inspection: Inspection, port: number, listener: InspectionListener) {
    super();
    this.inspection = inspection;
    this.port = port;
    this.listener = listener;
    if (inspection.timeoutMs > 0) timers.arm(this, inspection.timeoutMs);
  }

  onDeadline(): void {
    if (this.inspection.continueOnTimeout) this.inspected(this.soFar);
    else this.refuse("listener filters timed out");
  }

  protected look(bytes: Buffer): void {
    const result: Inspecting = inspect(this.inspection, bytes, this.port);
    if (result.kind === "incomplete") this.soFar = result.soFar;
    else if (result.kind === "refused") this.refuse(result.reason);
    else this.inspected(result);
  }

  protected inspected(inspected: Inspected): void {
    if (this.#end()) this.listener.onInspected(inspected, this.takeOver(inspected.proxied?.length ?? 0));
  }

  protected refuse(reason: string): void {
    if (!this.#end()) return;
    this.takeOver(0);
    this.listener.onRefused(reason);
  }

  /** False when it had ended before. */
  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    timers.disarm(this);
    return true;
  }

  /** Lets go of the stream. `header`: bytes at its start that belong to nobody. The rest of what was read. */
  protected abstract takeOver(header: number): Buffer | undefined;
}

/** Reads. */
export class ReadingInspection extends Waiting implements ByteListener {
  readonly #stream: ByteStream;
  #bytes: Buffer | undefined;

  constructor(stream: ByteStream, inspection: Inspection, port: number, listener: InspectionListener) {
    super(inspection, port, listener);
    this.#stream = stream;
    stream.listener = this;
  }

  receive(chunk: Uint8Array): void {
    this.#bytes = this.#bytes ? Buffer.concat([this.#bytes, chunk]) : Buffer.from(chunk);
    this.look(this.#bytes);
  }

  drained(): void {}

  /** The client ended before it said what it speaks: bytes, if anything. */
  ended(): void {
    if (!this.#bytes) {
      this.refuse("closed before it said anything");
      return;
    }
    this.inspected(this.soFar);
    // Told once, and whoever serves it was not there yet.
    if (this.#stream.listener !== this) this.#stream.listener.ended();
  }

  closed(): void {
    this.refuse("closed before it said anything");
  }

  protected takeOver(header: number): Buffer | undefined {
    const rest = this.#bytes?.subarray(header);
    return rest && rest.length > 0 ? rest : undefined;
  }
}

/** Looks ahead and leaves all but the PROXY header in the kernel. The socket stays paused until it is over. */
export class PeekingInspection extends Waiting {
  readonly #fd: number;

  constructor(transport: SocketTransport, inspection: Inspection, port: number, listener: InspectionListener) {
    super(inspection, port, listener);
    this.#fd = transport.descriptor;
    transport.pause();
    transport.listener = {
      receive() {},
      drained() {},
      ended() {},
      closed: () => this.refuse("closed before it said anything"),
    };
    // Watched before the first look: what comes in between would not be told.
    arrivals.watch(this.#fd, (arrival) => this.#look(arrival));
    this.#look("bytes");
  }

  #look(arrival: Arrival): void {
    const bytes = arrival === "broken" ? Buffer.alloc(0) : peek(this.#fd);
    if (bytes === undefined) return;
    if (bytes.length === 0) this.refuse("closed before it said anything");
    else this.look(bytes);
    if (arrival === "ended") this.inspected(this.soFar);
  }

  protected takeOver(header: number): undefined {
    arrivals.forget(this.#fd);
    if (header > 0) discard(this.#fd, header);
    return undefined;
  }
}
