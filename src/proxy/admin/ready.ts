import { text } from "./answer.ts";
import { type AdminState, serverState } from "./state.ts";

export function ready(state: AdminState): Response {
  const phase = serverState(state);
  return text(`${phase}\n`, phase === "LIVE" ? 200 : 503);
}
