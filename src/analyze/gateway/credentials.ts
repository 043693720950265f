// The certificates that a Gateway's servers name.

import type { kinds } from "../kinds.ts";
import type { ViewOf } from "../view.ts";

type Gateway = ViewOf<typeof kinds.gateway>;
type Server = NonNullable<NonNullable<Gateway["value"]["spec"]>["servers"]>[number];

interface Credential {
  readonly name: string;
  readonly path: string;
}

/** Secrets that a Gateway names, with their paths. */
export function credentialsOf({ value }: Gateway): readonly Credential[] {
  return (value.spec?.servers ?? []).flatMap(({ tls }: Server, i) => {
    const path = `spec.servers[${i}].tls`;
    const one = tls?.credentialName ? [{ name: tls.credentialName, path: `${path}.credentialName` }] : [];
    const many = (tls?.credentialNames ?? []).map((name, j) => ({ name, path: `${path}.credentialNames[${j}]` }));
    return [...one, ...many].map(({ name, path: at }) => ({ name: name.replace(/^kubernetes:\/\//, ""), path: at }));
  });
}
