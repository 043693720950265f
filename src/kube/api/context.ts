// What the handlers of the API share.

import type { Admit } from "../admission.ts";
import type { Schemas } from "../schemas/core.ts";
import type { Store } from "../store/store.ts";

export interface ApiContext {
  readonly store: Store;
  readonly schemas: Schemas;
  readonly admit: Admit;
  readonly now: () => Date;
}
