// Access logs that go to a service (envoy.access_loggers.http_grpc, tcp_grpc and open_telemetry).

import type { Format } from "./format/part.ts";
import type { CustomTag } from "./tracing.ts";

/** Whom it is told to, and how much is gathered before. */
export interface LogService {
  readonly cluster: string;
  readonly authority: string;
  /** Names and values in turns. */
  readonly headers: readonly string[];
  readonly logName: string;
  /** Told when so many bytes have gathered, or after so long. */
  readonly bufferBytes: number;
  readonly flushMs: number;
}

/** What entries of Envoy's own service have beside what all of them have. */
export interface EntryParts {
  readonly filterState: readonly string[];
  readonly tags: readonly CustomTag[];
  /** In lower case, as all names. */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  readonly responseTrailers: readonly string[];
}

/** A value of OTLP's: operators stand in its texts. */
export type OtlpNode =
  | { readonly kind: "text"; readonly format: Format }
  | { readonly kind: "list"; readonly items: readonly OtlpNode[] }
  | { readonly kind: "fields"; readonly fields: readonly OtlpField[] };

export interface OtlpField {
  readonly key: string;
  readonly node: OtlpNode;
}

export type StreamedLog =
  | { readonly kind: "http" | "tcp"; readonly service: LogService; readonly parts: EntryParts }
  | {
      readonly kind: "otlp";
      readonly service: LogService;
      /** Until the service begins to answer; 0 is none. */
      readonly timeoutMs: number;
      readonly body: OtlpNode | undefined;
      readonly attributes: readonly OtlpField[];
      /** Names and values in turns. */
      readonly resource: readonly string[];
      /** The resource says which log of which proxy it is. */
      readonly saysWho: boolean;
      /** Of its counters; "" without. */
      readonly statPrefix: string;
    };
