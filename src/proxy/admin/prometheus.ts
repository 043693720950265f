import { CONTENT_TYPE, expositionPieces } from "../../stats/exposition.ts";
import { negotiateFormat } from "../../stats/negotiate.ts";
import { streamed } from "./answer.ts";
import type { AdminState } from "./state.ts";

/** Text or OpenMetrics, as `Accept` asks. */
export function prometheus({ registry }: AdminState, _query: URLSearchParams, request: Request): Response {
  const format = negotiateFormat(request.headers.get("accept"));
  return streamed(expositionPieces(registry, format), CONTENT_TYPE[format]);
}
