// The stages of filters that a request's body goes through, in the order of the filters; the last leads to the router.

import type { HeaderList } from "../../http/headers.ts";
import type { BodySink } from "./filter.ts";

/** Where a stage sends on: another stage may be put behind it later. */
class Link implements BodySink {
  target: BodySink;

  constructor(target: BodySink) {
    this.target = target;
  }

  data(chunk: Uint8Array): boolean {
    return this.target.data(chunk);
  }

  end(trailers: HeaderList | undefined): void {
    this.target.end(trailers);
  }
}

export class RequestStages implements BodySink {
  readonly #router: BodySink;
  #first: BodySink;
  #last: Link | undefined = undefined;

  constructor(router: BodySink) {
    this.#router = router;
    this.#first = router;
  }

  /** @returns the stage. */
  append<Stage extends BodySink>(wrap: (next: BodySink) => Stage): Stage {
    const link = new Link(this.#router);
    const stage = wrap(link);
    if (this.#last) this.#last.target = stage;
    else this.#first = stage;
    this.#last = link;
    return stage;
  }

  data(chunk: Uint8Array): boolean {
    return this.#first.data(chunk);
  }

  end(trailers: HeaderList | undefined): void {
    this.#first.end(trailers);
  }
}
