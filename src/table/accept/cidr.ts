// Address ranges: Envoy's CidrRange and xds's alike.

import { type Cidr, parseCidr } from "../../base/cidr.ts";
import type { Scope } from "./scope.ts";
export interface CidrRange {
  readonly addressPrefix: string;
  readonly prefixLen?: number | undefined;
}

export function acceptCidr(scope: Scope, range: CidrRange): Cidr | undefined {
  const cidr = parseCidr(`${range.addressPrefix}/${range.prefixLen ?? 0}`);
  if (!cidr) scope.reject(`${JSON.stringify(range.addressPrefix)}/${range.prefixLen ?? 0} is not an address range`);
  return cidr;
}
