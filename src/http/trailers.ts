// Which fields may come behind a body.

/**
 * Framing, routing, authentication and control of a message have no place in its trailers (RFC 9110 6.5.1): whoever merges them into the
 * head would act on them after every check was done.
 */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set(
  `authorization proxy-authorization proxy-authenticate www-authenticate cookie set-cookie trailer max-forwards forwarded
cache-control content-encoding content-type content-range range age expires location vary
if-match if-none-match if-modified-since if-unmodified-since if-range
host content-length transfer-encoding te connection upgrade`.split(/\s+/),
);

/** `name` in lower case. */
export function mayTrail(name: string): boolean {
  return !NOT_IN_TRAILERS.has(name) && !name.startsWith("x-forwarded-");
}
