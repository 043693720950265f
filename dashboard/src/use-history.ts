// The charts' data: read anew once a step, so that every page shows the same, gaps are filled after a lost connection, and nothing is
// kept in the browser.

import { useEffect, useState } from "react";
import type { History } from "../../src/admin/api.ts";

/** A chart some 300 points wide changes visibly this often. */
const POINTS = 300;

/** The history of a service over `spanMs`; undefined until it has arrived. `connected` false stops the reading. */
export function useHistory(service: string | undefined, spanMs: number, connected: boolean): History | undefined {
  const [history, setHistory] = useState<History>();
  useEffect(() => {
    if (!service || !connected) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      try {
        const query = new URLSearchParams({ service, span: String(spanMs) });
        const response = await fetch(`/api/v1/history?${query}`, { signal: abort.signal });
        if (response.ok) setHistory((await response.json()) as History);
      } catch {
        // The event stream notices a control plane that is gone, and says so; here the charts stand still.
      }
      if (!abort.signal.aborted) timer = setTimeout(read, Math.max(1_000, spanMs / POINTS));
    };
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [service, spanMs, connected]);
  return history?.service === service ? history : undefined;
}
