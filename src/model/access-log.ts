// Where proxies write a line of each request and byte stream, and how.

export type AccessLog =
  | { readonly kind: "off" }
  /** `format`: Envoy's command operators; undefined: Istio's default line. */
  | { readonly kind: "text"; readonly path: string; readonly format?: string | undefined }
  /** `format`: keys and, as text, operators, nested; undefined: Istio's keys. */
  | { readonly kind: "json"; readonly path: string; readonly format?: LogFields | undefined };

export type LogValue = string | number | boolean | null | LogFields | LogValue[];

export interface LogFields {
  readonly [key: string]: LogValue;
}
