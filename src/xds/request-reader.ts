// Requests of clients. A thousand proxies that see the same ask for the same names in the same bytes: those are read once, and whoever asks
// next gets the same lists.

import { fromBinary } from "@bufbuild/protobuf";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
} from "./gen/envoy/service/discovery/v3/discovery_pb.ts";

/** An acknowledgement is shorter: its nonce makes it one of a kind. */
const MIN_BYTES = 1024;
/** What a mesh with as many views as namespaces asks for, and no more than so much of it. */
const MAX_REQUESTS = 64;
const MAX_BYTES = 8 * 1024 * 1024;

interface Known {
  readonly message: Uint8Array;
  readonly request: DeltaDiscoveryRequest;
}

export class RequestReader {
  /** By the hash of their bytes; what was asked for longest ago comes first. */
  readonly #known = new Map<number | bigint, Known>();
  #bytes = 0;

  /**
   * Not to be changed, neither the request nor, from now on, the message.
   * @throws when the bytes are not a DeltaDiscoveryRequest.
   */
  read(message: Uint8Array): DeltaDiscoveryRequest {
    if (message.length < MIN_BYTES || message.length > MAX_BYTES)
      return fromBinary(DeltaDiscoveryRequestSchema, message);
    const hash = Bun.hash(message);
    const known = this.#known.get(hash);
    if (known && Buffer.compare(known.message, message) === 0) {
      this.#remember(hash, known);
      return known.request;
    }
    const request = fromBinary(DeltaDiscoveryRequestSchema, message);
    // The first of a stream says whose it is, and nobody says it again.
    if (!request.node) this.#remember(hash, { message, request });
    return request;
  }

  #remember(hash: number | bigint, known: Known): void {
    this.#forget(hash);
    this.#known.set(hash, known);
    this.#bytes += known.message.length;
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_REQUESTS && this.#bytes <= MAX_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(hash: number | bigint): void {
    this.#bytes -= this.#known.get(hash)?.message.length ?? 0;
    this.#known.delete(hash);
  }
}
