// Whom a request comes from, when proxies stand before this one (Envoy: Utility::getLastAddressFromXFF).

import { parseAddress } from "../base/cidr.ts";
import { type ConnectionFacts, headerValue, type RequestFacts } from "./request.ts";

/**
 * The address that the nearest proxy that is not trusted wrote of its peer. With `useRemoteAddress` this proxy has added the direct peer
 * to x-forwarded-for already, so that the same place from its end is meant either way.
 */
export function clientAddress(
  request: RequestFacts,
  { useRemoteAddress, trustedHops }: { readonly useRemoteAddress: boolean; readonly trustedHops: number },
  { remoteAddress }: ConnectionFacts,
): string {
  if (useRemoteAddress && trustedHops === 0) return remoteAddress;
  const forwarded = headerValue(request, "x-forwarded-for");
  if (forwarded === undefined) return remoteAddress;
  const addresses = forwarded.split(",");
  const address = addresses[addresses.length - 1 - trustedHops]?.trim();
  return address !== undefined && parseAddress(address) ? address : remoteAddress;
}
