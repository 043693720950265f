// What is known of a gRPC call beside the request that carries it.

import { statusNumber } from "../grpc/status.ts";
import type { HeaderList } from "../http/headers.ts";
import { MessageCounter } from "./grpc-messages.ts";

export class GrpcCall {
  readonly requests = new MessageCounter();
  readonly responses = new MessageCounter();
  /** -1: it has none, or none yet. */
  status = -1;

  /** From trailers, or from the head of a response that has no others. */
  readStatus(headers: HeaderList): void {
    this.status = statusNumber(headers) ?? this.status;
  }
}
