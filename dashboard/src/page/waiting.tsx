// Before the first state: connecting, or nobody there.

import type { Link } from "../live.ts";

export function Waiting({ link }: { link: Link }) {
  return (
    <section className="card waiting">
      {link.status === "lost" ? (
        <>
          <h2>No control plane</h2>
          <p className="muted">
            Nothing answers at {window.location.host}. Start it with <code>heddle up</code>; this page connects by
            itself.
          </p>
        </>
      ) : (
        <>
          <h2>Connecting</h2>
          <p className="muted">Waiting for the first state of the mesh…</p>
        </>
      )}
    </section>
  );
}
