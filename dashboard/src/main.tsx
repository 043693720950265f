// Mounts the page.

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { Live } from "./live.ts";
import { ErrorBoundary } from "./page/error-boundary.tsx";
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/page.css";
import "./style/parts.css";
import "./style/topology.css";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <ErrorBoundary>
        <App live={new Live("/api/v1/events")} />
      </ErrorBoundary>
    </StrictMode>,
  );
}
