// Who may ask. The API has no login: it listens on loopback, and what a person's browser can be tricked into is refused here.

/** A host with its port as browsers send it. */
function hostsOf(hostname: string, port: number): string[] {
  const names = ["127.0.0.1", "localhost", "[::1]", hostname.includes(":") ? `[${hostname}]` : hostname];
  return names.flatMap((name) => [`${name}:${port}`, name]);
}

/**
 * Why a request is refused, or undefined. A foreign Host is DNS rebinding: a page on evil.example whose name now resolves to 127.0.0.1
 * would read everything as same-origin. A cross-site fetch cannot read the answer, but would hold a stream open.
 */
export function refusal(
  request: Request,
  hostname: string,
  port: number,
  allowedHosts: readonly string[],
): string | undefined {
  const host = request.headers.get("host")?.toLowerCase() ?? "";
  if (![...hostsOf(hostname, port), ...allowedHosts].includes(host))
    return `host not served here: "${host.slice(0, 100)}"`;
  const site = request.headers.get("sec-fetch-site");
  const navigation = request.headers.get("sec-fetch-mode") === "navigate";
  if (site === "cross-site" && !navigation) return "cross-site request";
  return undefined;
}

/** On every answer. React and uPlot style through the CSS object model, so the policy needs no `unsafe-inline`. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
