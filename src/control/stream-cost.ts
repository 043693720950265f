// What one proxy's stream costs the control plane: told by the admin interface, one proxy a row, and never a metric's label.

import type { DeltaResponse } from "../xds/delta-response.ts";
import type { Received } from "../xds/delta-server.ts";
import type { ResourceKind } from "../xds/type-urls.ts";

export interface Cost {
  /** Responses sent, and what was in them. */
  readonly pushes: number;
  readonly resources: number;
  readonly removals: number;
  readonly bytes: number;
  /** Of the responses that the proxy did not answer yet: at most one of each type, wherever they are by now. */
  readonly unansweredBytes: number;
  readonly acks: number;
  readonly nacks: number;
}

export class StreamCost {
  #pushes = 0;
  #resources = 0;
  #removals = 0;
  #bytes = 0;
  #acks = 0;
  #nacks = 0;
  readonly #unanswered = new Map<ResourceKind, number>();

  pushed({ kind, resources, removed }: DeltaResponse, bytes: number): void {
    this.#pushes++;
    this.#resources += resources.length;
    this.#removals += removed.length;
    this.#bytes += bytes;
    this.#unanswered.set(kind, bytes);
  }

  took(received: Received): void {
    if (received.kind !== "ack" && received.kind !== "nack") return;
    this.#unanswered.delete(received.type);
    if (received.kind === "ack") this.#acks++;
    else this.#nacks++;
  }

  get sum(): Cost {
    return {
      pushes: this.#pushes,
      resources: this.#resources,
      removals: this.#removals,
      bytes: this.#bytes,
      unansweredBytes: this.#unanswered.values().reduce((sum, bytes) => sum + bytes, 0),
      acks: this.#acks,
      nacks: this.#nacks,
    };
  }
}
