// The two parts of an authority: host and port (RFC 3986 3.2).

/** `a.b:80` → `a.b`, `[::1]:80` → `[::1]`. */
export function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(":");
  if (colon === -1 || authority.endsWith("]")) return authority;
  for (let i = colon + 1; i < authority.length; i++) {
    const code = authority.charCodeAt(i);
    if (code < 48 || code > 57) return authority;
  }
  return authority.slice(0, colon);
}

/** What of an authority a connection manager takes off before anything looks at it (strip_*). */
export interface AuthorityRules {
  readonly stripsPort: "none" | "matching" | "any";
  /** `a.b.` and `a.b.:80`. */
  readonly stripsDot: boolean;
}

/** `localPort`: where the connection came to. Envoy: HeaderUtility::stripTrailingHostDot, then stripPortFromHost. */
export function strippedAuthority(
  authority: string,
  { stripsPort, stripsDot }: AuthorityRules,
  localPort: number,
): string {
  let stripped = authority;
  if (stripsDot) {
    const name = withoutPort(stripped);
    if (name.endsWith(".")) stripped = name.slice(0, -1) + stripped.slice(name.length);
  }
  if (stripsPort === "none") return stripped;
  const port = portOf(stripped);
  return port !== undefined && (stripsPort === "any" || port === localPort) ? withoutPort(stripped) : stripped;
}

/** The port of an authority, or undefined when it names none. */
export function portOf(authority: string): number | undefined {
  const name = withoutPort(authority);
  if (name.length === authority.length) return undefined;
  const port = Number(authority.slice(name.length + 1));
  return port > 0 && port < 65536 ? port : undefined;
}
