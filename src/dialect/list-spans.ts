// Places in a List: of the item that is asked for alone a tree is made, and of one at a time.

import type { SourceSpan } from "../base/diagnostic.ts";
import type { SpanPart } from "../model/source-map.ts";
import type { ListItem } from "./list-items.ts";
import type { DocumentSpans } from "./spans.ts";

export class ListSpans {
  readonly #items: () => readonly ListItem[];
  readonly #whole: DocumentSpans;
  readonly #spansOf: (item: ListItem) => DocumentSpans;
  /** Findings of an object come together. */
  #last: { readonly item: ListItem; readonly spans: DocumentSpans } | undefined;

  /** `items`: asked for with the first place. `whole`: for what is in no item. */
  constructor(items: () => readonly ListItem[], whole: DocumentSpans, spansOf: (item: ListItem) => DocumentSpans) {
    this.#items = items;
    this.#whole = whole;
    this.#spansOf = spansOf;
  }

  find(path: string, part?: SpanPart): SourceSpan | undefined {
    const [, index, rest] = /^items\[(\d+)\]\.?(.*)$/s.exec(path) ?? [];
    const item = index === undefined ? undefined : this.#items()[Number(index)];
    if (!item) return this.#whole.find(path, part);
    return this.of(item).find(`${item.path}${rest}`, part);
  }

  of(item: ListItem): DocumentSpans {
    if (this.#last?.item !== item) this.#last = { item, spans: this.#spansOf(item) };
    return this.#last.spans;
  }
}
