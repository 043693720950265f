// A fault of the page itself: says so, instead of leaving it blank.

import { Component, type ReactNode } from "react";

interface Fault {
  readonly message: string | undefined;
}

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, Fault> {
  override readonly state: Fault = { message: undefined };

  static getDerivedStateFromError(error: unknown): Fault {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.message === undefined) return this.props.children;
    return (
      <section className="card waiting" role="alert">
        <h2>The dashboard failed</h2>
        <p className="muted">
          {this.state.message}. The mesh is not affected; its figures are at <a href="/api/v1/state">/api/v1/state</a>.
        </p>
        <button type="button" className="link" onClick={() => window.location.reload()}>
          Load the page again
        </button>
      </section>
    );
  }
}
