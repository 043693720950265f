// Listeners closed while the process goes on (Envoy: ListenersHandler::handlerDrainListeners).

import type { Listener } from "../listener.ts";
import { OK } from "./answer.ts";
import type { AdminState } from "./state.ts";

function chosen({ configuration }: AdminState, query: URLSearchParams): readonly Listener[] {
  const all = [...configuration.listenerManager.listeners.values()];
  return query.has("inboundonly") ? all.filter(({ table }) => table.direction === "inbound") : all;
}

/** With `graceful`, connections finish what they carry for the drain time, and then listeners close. */
export function drainListeners(state: AdminState, query: URLSearchParams): Response {
  const listeners = chosen(state, query);
  const close = () => {
    for (const listener of listeners) listener.drain({ kind: "ending" });
  };
  if (query.has("skip_exit") || query.has("graceful")) for (const listener of listeners) listener.drainConnections();
  if (query.has("graceful") && !query.has("skip_exit")) setTimeout(close, state.drainMs).unref();
  else if (!query.has("skip_exit")) close();
  return OK();
}
