// Bytes on the wire, of the client's side and of the attempts together (Envoy: BytesMeter). A byte stream has no framing: both sides
// moved what it did.

import type { StreamBytes } from "../http/stream.ts";
import type { LogType } from "../table/log-filter.ts";

export interface RecordBytes {
  readonly downstream: Readonly<StreamBytes> | undefined;
  readonly upstream: Readonly<StreamBytes> | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly logType: LogType;
}

function isByteStream({ logType }: RecordBytes): boolean {
  return logType !== "DownstreamEnd" && logType !== "UdpSessionEnd";
}

export function downstreamBytes(record: RecordBytes, count: keyof StreamBytes): number {
  if (record.downstream) return record.downstream[count];
  if (!isByteStream(record)) return 0;
  return count === "wireReceived" ? record.bytesReceived : count === "wireSent" ? record.bytesSent : 0;
}

export function upstreamBytes(record: RecordBytes, count: keyof StreamBytes): number {
  if (record.upstream) return record.upstream[count];
  if (!isByteStream(record)) return 0;
  return count === "wireSent" ? record.bytesReceived : count === "wireReceived" ? record.bytesSent : 0;
}
