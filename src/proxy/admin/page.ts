// One page of the admin interface.

import type { AdminState } from "./state.ts";

export type Answer = (state: AdminState, query: URLSearchParams, request: Request) => Response | Promise<Response>;

export interface Page {
  readonly description: string;
  /** Pages that change something take POST alone, as Envoy's; `any`: both. */
  readonly method: "GET" | "POST" | "any";
  /** Query parameters by name, for people. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Loaded when it is asked for the first time: most proxies are never asked, and each module costs each of them memory. */
  readonly load: () => Promise<Answer>;
}
