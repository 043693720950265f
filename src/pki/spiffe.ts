// SPIFFE identities: `spiffe://<trust domain>/<path>` (SPIFFE-ID.md 2). Read strictly, because an identity is compared byte by byte
// wherever it decides something.
import { malformed, type Parsed, parsed } from "./parsed.ts";

/** A valid identity in canonical form: scheme and trust domain in lower case. */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Empty for the trust domain itself (a signing certificate), else with a leading slash. */
  readonly path: string;
  /** The whole, as it stands in a certificate. */
  readonly uri: string;
}

/** Istio's and Heddle's layout of a workload's path. */
export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

/** SPIFFE-ID.md 2.3: an implementation must support 2,048 bytes and should not issue more. */
const MAX_ID_LENGTH = 2_048;
/** SPIFFE-ID.md 2.1: a trust domain is the host of a URI, at most 255 bytes. */
const MAX_TRUST_DOMAIN_LENGTH = 255;

const SCHEME = /^spiffe:\/\//i;
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[a-zA-Z0-9._-]+$/;
const WORKLOAD = /^\/ns\/([^/]+)\/sa\/([^/]+)$/;

/** Why a text is no trust domain, or undefined. The text must be in lower case. */
export function trustDomainFault(trustDomain: string): string | undefined {
  if (trustDomain === "") return "trust domain is empty";
  if (trustDomain.length > MAX_TRUST_DOMAIN_LENGTH)
    return `trust domain is longer than ${MAX_TRUST_DOMAIN_LENGTH} characters`;
  return TRUST_DOMAIN.test(trustDomain)
    ? undefined
    : "trust domain may hold a-z, 0-9, dots, dashes and underscores only";
}

/** Reads an identity. Scheme and trust domain are case-insensitive and come out in lower case; the path is taken as it is. */
export function parseSpiffeId(text: string): Parsed<SpiffeId> {
  if (text.length > MAX_ID_LENGTH) return malformed(`SPIFFE id is longer than ${MAX_ID_LENGTH} characters`);
  if (!SCHEME.test(text)) return malformed("SPIFFE id does not begin with spiffe://");
  const rest = text.slice("spiffe://".length);
  const slash = rest.indexOf("/");
  const trustDomain = (slash === -1 ? rest : rest.slice(0, slash)).toLowerCase();
  const path = slash === -1 ? "" : rest.slice(slash);
  const fault = trustDomainFault(trustDomain) ?? pathFault(path);
  return fault === undefined ? parsed({ trustDomain, path, uri: `spiffe://${trustDomain}${path}` }) : malformed(fault);
}

/** The identity of a service account, or the reason why the names cannot stand in one. */
export function serviceAccountId(trustDomain: string, { namespace, name }: ServiceAccount): Parsed<SpiffeId> {
  if (namespace.includes("/") || name.includes("/"))
    return malformed("namespace and service account must not hold slashes");
  return parseSpiffeId(`spiffe://${trustDomain}/ns/${namespace}/sa/${name}`);
}

/** The service account that an identity names, or undefined when its path is laid out otherwise. */
export function serviceAccountOf(id: SpiffeId): ServiceAccount | undefined {
  const found = WORKLOAD.exec(id.path);
  return found ? { namespace: found[1]!, name: found[2]! } : undefined;
}

function pathFault(path: string): string | undefined {
  if (path === "") return undefined;
  for (const segment of path.slice(1).split("/")) {
    if (segment === "") return "SPIFFE id has an empty path segment or a trailing slash";
    if (segment === "." || segment === "..") return "SPIFFE id has a relative path segment";
    if (!SEGMENT.test(segment)) return "SPIFFE id's path may hold letters, digits, dots, dashes and underscores only";
  }
  return undefined;
}
