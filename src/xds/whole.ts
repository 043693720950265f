// A client that holds nothing and asks for everything gets a snapshot's whole map at once: what is decided resource by resource for all others
// is decided once for it. A thousand proxies that come back after a restart are a thousand of those.

import { type SentResource, sentByName } from "./delta-response.ts";
import type { ResourceMap } from "./snapshot.ts";

/** All resources of a map as one response has them. */
export interface Whole {
  readonly resources: ResourceMap;
  readonly sent: readonly SentResource[];
  readonly bytes: number;
}

export function wholeOf(resources: ResourceMap): Whole {
  const sent: SentResource[] = [];
  let bytes = 0;
  // Not an iterator: through the layers of a map, each step of one is a step of several.
  resources.forEach((resource) => {
    const one = sentByName(resource);
    bytes += one.encoded.length;
    sent.push(one);
  });
  return { resources, sent, bytes };
}
