// Addresses of Unix sockets, wherever Istio's kinds take one (ValidateUnixAddress).

import { isUnixAddress, unixPath } from "../../model/endpoint.ts";

/** sockaddr_un.sun_path with its end. */
const MAX_PATH_BYTES = 107;

/** The path of `unix:///path`, or the name of `unix://@name`, which is in Linux' abstract namespace; undefined: no such address. */
export function socketPath(written: string): string | undefined {
  if (!isUnixAddress(written)) return undefined;
  const path = unixPath(written);
  return /^(?:\/.*[^/]|@.+)$/.test(path) && Buffer.byteLength(path) <= MAX_PATH_BYTES ? path : undefined;
}
