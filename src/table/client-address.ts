// Whom a request comes from, when proxies stand before this one (Envoy: ConnectionManagerUtility::mutateRequestHeaders and its
// OriginalIPDetection extensions).

import { type Cidr, containsAddress, parseAddress } from "../base/cidr.ts";
import { type ConnectionFacts, headerValue, type RequestFacts } from "./request.ts";

/** A way to find the client behind a connection of a proxy; the first that finds one counts. */
export type AddressDetection =
  /** The nearest proxy beyond `trustedHops` of them wrote it as its peer. */
  | { readonly kind: "hops"; readonly trustedHops: number; readonly appends: boolean }
  /** The last address that is none of the proxies themselves, of which the direct peer must be one. */
  | { readonly kind: "proxies"; readonly ranges: readonly Cidr[]; readonly appends: boolean }
  /** A header of its own. `rejection`: the status for a request without an address in it. */
  | {
      readonly kind: "header";
      readonly name: string;
      readonly vouches: boolean;
      readonly rejection: number | undefined;
    };

export interface ClientRules {
  /** The direct peer is the client, unless trusted proxies stand between. */
  readonly useRemoteAddress: boolean;
  readonly trustedHops: number;
  /** Without `useRemoteAddress`. */
  readonly detections: readonly AddressDetection[];
}

export interface DetectedClient {
  readonly address: string;
  /** The address alone may make a request an internal one. */
  readonly vouched: boolean;
  /** The direct peer is added to x-forwarded-for all the same. */
  readonly appends: boolean;
}

/** Envoy: Utility::getLastAddressFromXFF. */
function lastAddress(forwardedFor: string, skipped: number): string | undefined {
  const addresses = forwardedFor.split(",");
  const address = addresses[addresses.length - 1 - skipped]?.trim();
  return address !== undefined && parseAddress(address) ? address : undefined;
}

/** Envoy: Utility::getLastNonTrustedAddressFromXFF; where all are trusted, the first of them. */
function lastForeignAddress(addresses: readonly string[], trusted: readonly Cidr[]): string | undefined {
  let found: string | undefined;
  for (let i = addresses.length - 1; i >= 0; i--) {
    found = addresses[i]!;
    if (!parseAddress(found)) return undefined;
    if (!trusted.some((range) => containsAddress(range, found!))) return found;
  }
  return found;
}

function detect(
  detection: AddressDetection,
  request: RequestFacts,
  { remoteAddress }: ConnectionFacts,
): DetectedClient | number | undefined {
  if (detection.kind === "header") {
    const address = headerValue(request, detection.name)?.trim();
    if (address !== undefined && parseAddress(address)) return { address, vouched: detection.vouches, appends: false };
    return detection.rejection;
  }
  const forwardedFor = headerValue(request, "x-forwarded-for");
  if (forwardedFor === undefined) return undefined;
  const { appends } = detection;
  if (detection.kind === "hops") {
    const address = lastAddress(forwardedFor, detection.trustedHops);
    return address === undefined
      ? undefined
      : { address, vouched: detection.trustedHops === 0 && !forwardedFor.includes(","), appends };
  }
  if (!detection.ranges.some((range) => containsAddress(range, remoteAddress))) return undefined;
  const addresses = forwardedFor.split(",").map((address) => address.trim());
  const address = lastForeignAddress(addresses, detection.ranges);
  return address === undefined ? undefined : { address, vouched: addresses.length === 1, appends };
}

/**
 * `request`: as it came, before this proxy adds to its x-forwarded-for.
 * @returns undefined: nobody else than the connection's peer; a number: the status of the refusal.
 */
export function detectClient(
  request: RequestFacts,
  { useRemoteAddress, trustedHops, detections }: ClientRules,
  connection: ConnectionFacts,
): DetectedClient | number | undefined {
  if (!useRemoteAddress) {
    for (const detection of detections) {
      const found = detect(detection, request, connection);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (trustedHops === 0) return undefined;
  const forwardedFor = headerValue(request, "x-forwarded-for");
  const address = forwardedFor === undefined ? undefined : lastAddress(forwardedFor, trustedHops - 1);
  return address === undefined ? undefined : { address, vouched: false, appends: false };
}

/** Its address alone, where a refusal is not asked for. */
export function clientAddress(request: RequestFacts, rules: ClientRules, connection: ConnectionFacts): string {
  const found = detectClient(request, rules, connection);
  return typeof found === "object" ? found.address : connection.remoteAddress;
}
