// Moves request headers into metadata (envoy.filters.http.header_to_metadata).

import { getHeader, removeHeader } from "../../http/headers.ts";
import { PEER_METADATA_HEADER } from "../../stats/peer-metadata.ts";
import type { HeaderToMetadataFilter } from "../../table/filter/header-to-metadata.ts";
import type { BoundFilter, FilteredRequest, Verdict } from "./filter.ts";

export class HeaderToMetadata implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #rules: HeaderToMetadataFilter["rules"];

  constructor(name: string, disabled: boolean, { rules }: HeaderToMetadataFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#rules = rules;
  }

  onRequest(request: FilteredRequest): Verdict {
    const { headers } = request.head;
    for (let i = 0; i < this.#rules.length; i++) {
      const { header, remove, namespace, key, type } = this.#rules[i]!;
      const value = getHeader(headers, header);
      // That of the peer is every request's: it is what metrics read, and costs no metadata.
      if (header === PEER_METADATA_HEADER) request.peerMetadata = value ?? "";
      else if (value !== undefined && key !== "") {
        const number = type === "number" ? Number(value) : Number.NaN;
        if (type === "string" || !Number.isNaN(number))
          request.record.setMetadata(namespace, { [key]: type === "string" ? value : number });
      }
      if (remove) removeHeader(headers, header);
    }
    return "continue";
  }
}
