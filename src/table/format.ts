// Envoy's command operators (`%PROTOCOL%`, `%REQ(X)%`), parsed when the configuration comes. The proxy evaluates them.

/** Operators without an argument that Heddle's proxy knows. */
export const PLAIN_OPERATORS = [
  "START_TIME",
  "PROTOCOL",
  "RESPONSE_CODE",
  "RESPONSE_FLAGS",
  "RESPONSE_CODE_DETAILS",
  "CONNECTION_TERMINATION_DETAILS",
  "UPSTREAM_TRANSPORT_FAILURE_REASON",
  "BYTES_RECEIVED",
  "BYTES_SENT",
  "DURATION",
  "RESPONSE_DURATION",
  "UPSTREAM_HOST",
  "UPSTREAM_CLUSTER",
  "UPSTREAM_CLUSTER_RAW",
  "UPSTREAM_LOCAL_ADDRESS",
  "UPSTREAM_REQUEST_ATTEMPT_COUNT",
  "DOWNSTREAM_LOCAL_ADDRESS",
  "DOWNSTREAM_REMOTE_ADDRESS",
  "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_PEER_URI_SAN",
  "REQUESTED_SERVER_NAME",
  "ROUTE_NAME",
  "HOSTNAME",
] as const;
export type PlainOperator = (typeof PLAIN_OPERATORS)[number];

export type FormatPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "operator"; readonly name: PlainOperator }
  /** The first of the names that is present; cut to `maxLength` when that is not 0. */
  | {
      readonly kind: "header";
      readonly of: "request" | "response" | "trailer";
      readonly names: readonly string[];
      readonly maxLength: number;
    };

export type Format = readonly FormatPart[];

const HEADER_OPERATORS: Readonly<Record<string, "request" | "response" | "trailer">> = {
  REQ: "request",
  RESP: "response",
  TRAILER: "trailer",
};

/**
 * Parses a format; `%%` is a percent sign. `%ENVIRONMENT(X)%` is resolved here, from `environment`: it cannot change while the
 * process runs. Returns the reason when an operator is unknown or malformed.
 */
export function parseFormat(
  source: string,
  environment: Readonly<Record<string, string | undefined>>,
): { format: Format } | { error: string } {
  const parts: FormatPart[] = [];
  let text = "";
  const pattern = /%(?:%|([A-Z_]+)(?:\(([^)]*)\))?(?::(\d+))?%)/g;
  let unread = "";
  let last = 0;
  for (const found of source.matchAll(pattern)) {
    const between = source.slice(last, found.index);
    unread += between;
    text += between;
    last = found.index + found[0].length;
    const [whole, name, argument, length] = found;
    if (name === undefined) {
      text += "%";
      continue;
    }
    if (name === "ENVIRONMENT") {
      text += (argument === undefined ? undefined : environment[argument]) ?? "-";
      continue;
    }
    const part = operator(name, argument, length);
    if (part === undefined) return { error: `unknown operator ${whole}` };
    if (text !== "") parts.push({ kind: "text", text });
    text = "";
    parts.push(part);
  }
  text += source.slice(last);
  // What the pattern matched is no longer a percent sign: an escaped one, or a value of the environment, may hold one.
  if (unread.includes("%") || source.slice(last).includes("%"))
    return { error: `unfinished operator in ${JSON.stringify(source)}; write %% for a percent sign` };
  if (text !== "") parts.push({ kind: "text", text });
  return { format: parts };
}

function operator(name: string, argument: string | undefined, length: string | undefined): FormatPart | undefined {
  const of = HEADER_OPERATORS[name];
  if (of !== undefined) {
    if (!argument) return undefined;
    const names = argument.split("?").map((header) => header.toLowerCase());
    if (names.length > 2 || names.some((header) => header === "")) return undefined;
    return { kind: "header", of, names, maxLength: length === undefined ? 0 : Number(length) };
  }
  if (argument !== undefined && name !== "START_TIME") return undefined;
  const plain = PLAIN_OPERATORS.find((known) => known === name);
  return plain && { kind: "operator", name: plain };
}
