// The parts that a format is made of.

import type { CommonDuration, PlainOperator } from "./catalogue.ts";
import type { TimeFormat } from "./time-format.ts";

/** What an operator with metadata looks at (envoy.config.core.v3.Metadata of that resource). */
export type MetadataSource = "dynamic" | "route" | "cluster" | "upstream-host";

export type FormatPart =
  /** Bytes, one character each: UTF-8 of the configuration, as the codecs read the wire. */
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "operator"; readonly name: PlainOperator }
  /** The first of the names that is present; cut to `maxLength` when that is not 0. */
  | {
      readonly kind: "header";
      readonly of: "request" | "response" | "trailer";
      readonly names: readonly string[];
      readonly maxLength: number;
    }
  | { readonly kind: "time"; readonly of: "start" | "emit" | "peer-start" | "peer-end"; readonly format: TimeFormat }
  | ({ readonly kind: "duration" } & CommonDuration)
  | { readonly kind: "grpc-status"; readonly style: "camel" | "snake" | "number" }
  | {
      readonly kind: "path";
      readonly query: boolean;
      readonly of: "original-or-path" | "original" | "path";
      readonly maxLength: number;
    }
  | { readonly kind: "query-parameter"; readonly name: string; readonly maxLength: number }
  | { readonly kind: "server-name"; readonly prefer: "sni" | "host" }
  | {
      /** `typed`: as JSON; `field`: of an object that has fields, which strings have not. */
      readonly kind: "filter-state";
      readonly key: string;
      readonly style: "plain" | "typed" | "field";
      readonly maxLength: number;
    }
  | {
      readonly kind: "metadata";
      readonly of: MetadataSource;
      readonly namespace: string;
      readonly path: readonly string[];
      readonly maxLength: number;
    };

export type Format = readonly FormatPart[];
