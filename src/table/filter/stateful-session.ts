// Sessions that stay with a host, by a cookie or a header that names it (envoy.filters.http.stateful_session).

export type SessionState =
  | {
      readonly kind: "cookie";
      readonly name: string;
      /** Requests elsewhere have no session; "" and "/" are everywhere. */
      readonly path: string;
      /** 0 is as long as the client's own session. */
      readonly ttlSeconds: number;
      /** As they follow in set-cookie: `; SameSite=Strict`. */
      readonly attributes: string;
    }
  | { readonly kind: "header"; readonly name: string };

export interface StatefulSessionFilter {
  readonly kind: "stateful-session";
  /** Undefined: there are no sessions. */
  readonly state: SessionState | undefined;
  /** A request whose host is gone is refused instead of sent to another one. */
  readonly strict: boolean;
}

/** Whether a path is within a cookie's (RFC 6265 5.1.4, as Envoy reads it). */
export function isUnder(path: string, cookiePath: string): boolean {
  if (cookiePath === "" || cookiePath === "/") return true;
  if (!path.startsWith(cookiePath)) return false;
  return cookiePath.endsWith("/") || path.length === cookiePath.length || "/?#".includes(path[cookiePath.length]!);
}

const LENGTH_DELIMITED_1 = 0x0a;
const VARINT_2 = 0x10;

/** The cookie's value: Envoy's message `Cookie { string address = 1; int64 expires = 2; }` in base64. `expires` in seconds; 0 is never. */
export function encodeSession(address: string, expires: number): string {
  const text = Buffer.from(address);
  const bytes = [LENGTH_DELIMITED_1, ...varint(text.length), ...text];
  if (expires > 0) bytes.push(VARINT_2, ...varint(expires));
  return Buffer.from(bytes).toString("base64");
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Below it, `expires` counts from the start of some machine, as Envoy's does (its clock is monotonic): only the client can tell. */
const EPOCH = 1_000_000_000;

/** The address that a cookie's value names; undefined when it names none, or has expired. What is no message is an address itself. */
export function decodeSession(value: string, nowSeconds: number): string | undefined {
  const bytes = Buffer.from(value, "base64");
  if (bytes.length === 0) return undefined;
  const message = readMessage(bytes);
  if (!message) return bytes.toString("latin1");
  if (message.expires > EPOCH && nowSeconds > message.expires) return undefined;
  return message.address === "" ? undefined : message.address;
}

function readMessage(bytes: Buffer): { readonly address: string; readonly expires: number } | undefined {
  let address = "";
  let expires = 0;
  let at = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length && scale < 2 ** 63; scale *= 0x80) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    const value = number();
    if (value === undefined) return undefined;
    if (tag === VARINT_2) expires = value;
    else if (tag === LENGTH_DELIMITED_1 && at + value <= bytes.length) {
      address = bytes.toString("latin1", at, at + value);
      at += value;
    } else return undefined;
  }
  return { address, expires };
}
