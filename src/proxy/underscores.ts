// Names with an underscore: some applications read it as the hyphen of another header, past what policies looked at
// (Envoy: headers_with_underscores_action).

import type { HeaderList } from "../http/headers.ts";

export function hasUnderscores(headers: HeaderList): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.includes("_")) return true;
  return false;
}

export function dropUnderscores(headers: HeaderList): void {
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.includes("_")) continue;
    headers[kept] = headers[i]!;
    headers[kept + 1] = headers[i + 1]!;
    kept += 2;
  }
  headers.length = kept;
}
