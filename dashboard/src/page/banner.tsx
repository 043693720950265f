// What an operator must know before trusting the figures: that they are old, or leave something out.

import { clock } from "../format.ts";
import type { Link } from "../live.ts";

export function Banner({ link }: { link: Link }) {
  if (link.status === "lost") {
    return (
      <div className="banner bad" role="alert">
        <strong>Control plane unreachable since {clock(link.since)}.</strong>{" "}
        {link.state ? `Shown is the state of ${clock(link.state.at)}. ` : ""}
        The proxies keep serving with the configuration they have. Reconnecting…
      </div>
    );
  }
  if (link.state?.mesh.truncated) {
    return (
      <div className="banner warn" role="status">
        The mesh has more services or edges than this page holds; the busiest are shown. Query Prometheus for all.
      </div>
    );
  }
  return null;
}
